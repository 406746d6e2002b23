//! What is typed and what it means.

use crate::config::{Args, Config, Task, two_dashes};
use clap::Parser;

fn config(line: &[&str]) -> Config {
    let args = std::iter::once("x").chain(line.iter().copied());
    Config::validate(Args::parse_from(args.map(|a| two_dashes(a.into()))), "x".into()).unwrap()
}

#[test]
fn one_dash_and_two_mean_the_same() {
    for line in [["-addr", "127.0.0.1:80"], ["--addr", "127.0.0.1:80"]] {
        assert_eq!(config(&line).addresses[0].to_string(), "127.0.0.1:80");
    }
    assert_eq!(config(&["-addr=[::1]:8080"]).addresses[0].to_string(), "[::1]:8080");
}

#[test]
fn an_address_without_a_host_is_every_interface() {
    assert_eq!(config(&[]).addresses[0].to_string(), "[::]:8888");
}

#[test]
fn adding_takes_the_key_as_it_is_and_a_default_endpoint() {
    let task = config(&["-add", "-sk", "-x-"]).task;
    assert_eq!(task, Task::Add { sk: "-x-".into(), endpoint: "https://api.openai.com/v1".into() });
}

#[test]
fn switches_can_be_given_a_value() {
    assert!(config(&["-noauth"]).noauth);
    assert!(config(&["-noauth=true"]).noauth);
    assert!(!config(&["-noauth=false"]).noauth);
}
