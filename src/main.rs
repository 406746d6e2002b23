//! The binary: parse the command line, start the logger, run, exit with a code.

use std::process::ExitCode;

use openai_api_route::config::Config;
use openai_api_route::run;

fn main() -> ExitCode {
    let done = Config::from_command_line().and_then(|config| {
        // Its start-up lines say nothing that ours do not; a filter that names it still wins.
        let mut logger = env_logger::Builder::new();
        logger.filter_module("actix_server", log::LevelFilter::Warn).parse_filters(&config.log_filter).init();
        run(&config)
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("openai-api-route: {error}");
            ExitCode::FAILURE
        }
    }
}
