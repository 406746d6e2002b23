//! Usage by status and host, the speed of streams, and that every number leads to its requests.

use chrono::Utc;
use openai_api_route::db::Database;
use openai_api_route::db::rollups::{Sample, add};

use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::on_both;
use crate::support::reply::Reply;
use crate::support::samples::{BAD_REQUEST, CHAT, good};
use crate::support::upstream::FakeUpstream;
use crate::support::visitor::{Visitor, between, browser};

fn groups(gateway: &Gateway, by: &str) -> Vec<(String, i64, i64)> {
    let told = gateway.admin("GET", &format!("/admin/usage?by={by}"), "").json();
    let groups = told["groups"].as_array().unwrap().iter();
    let mut groups: Vec<_> = groups
        .map(|group| {
            let number = |name: &str| group[name].as_i64().unwrap();
            (group["group"].as_str().unwrap().to_owned(), number("requests"), number("errors"))
        })
        .collect();
    groups.sort();
    groups
}

/// Links to requests on a page, as they are.
fn links(page: &str) -> Vec<String> {
    let links = page.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap().replace("&#38;", "&"));
    links.filter(|link| link.starts_with("/admin/requests?")).collect()
}

fn usage_by_status_and_host_is_exact_also_after_a_restart_and_a_removal(kind: Kind) {
    let upstream = FakeUpstream::with(|_, n| if n < 3 { good() } else { Reply::json(400, BAD_REQUEST) });
    let mut gateway = Gateway::with(kind, [upstream.row("a")]);
    for host in ["one.example", "two.example", "one.example", "two.example"] {
        gateway.send(Call::chat(CHAT).header("Host", host));
    }
    let stranger = Call::chat(CHAT).without("Authorization").header("Authorization", "Bearer nobody's");
    assert_eq!(gateway.send(stranger.header("Host", "x.example")).status, 403);
    gateway.records_when(5);
    let statuses = [("200".to_owned(), 3, 0), ("400".to_owned(), 1, 1), ("403".to_owned(), 1, 1)];
    let hosts = [("one.example".to_owned(), 2, 0), ("two.example".to_owned(), 2, 1), ("x.example".to_owned(), 1, 1)];
    assert_eq!((groups(&gateway, "status"), groups(&gateway, "host")), (statuses.to_vec(), hosts.to_vec()));
    let id = gateway.records()[1].id("id");
    assert_eq!(gateway.admin("DELETE", &format!("/admin/requests/{id}"), "").status, 200);
    gateway.signal("TERM");
    gateway.ended();
    gateway.start_again();
    assert_eq!((groups(&gateway, "status"), groups(&gateway, "host")), (statuses.to_vec(), hosts.to_vec()));
    let refused = gateway.admin("GET", "/admin/usage?by=host&model=x", "");
    assert!(refused.status == 400 && refused.error().starts_with("by: "), "{}", refused.text());
}

fn every_number_of_usage_leads_to_its_requests(kind: Kind) {
    let upstream = FakeUpstream::with(|_, n| if n < 3 { good() } else { Reply::json(400, BAD_REQUEST) });
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    for model in ["gpt-a", "gpt-a", "模型 b", "gpt-c"] {
        gateway.send(Call::chat(&CHAT.replace("gpt-4o-mini", model)));
    }
    gateway.send(Call::get("/v1/models"));
    gateway.records_when(5);
    let visitor = Visitor::log_in(&gateway);
    let found = |link: &str| {
        let answer = gateway.admin("GET", link, "");
        assert_eq!(answer.status, 200, "{link}: {}", answer.text());
        answer.json()["requests"].as_array().unwrap().len()
    };
    for (asked, counts) in [
        ("by=model&top=1", vec![2, 3, 5]),
        ("by=model", vec![2, 1, 1, 1, 5]),
        ("by=status&metric=requests", vec![3, 2, 5]),
        ("by=upstream&metric=errors", vec![2]),
        ("by=host", vec![5]),
        ("by=key", vec![5]),
    ] {
        let page = visitor.page(&format!("/admin/usage?{asked}&range=1h"));
        let rows: Vec<&str> = page.rsplit_once("<tbody>").unwrap().1.split("<tr>").skip(1).collect();
        let told: Vec<usize> = rows.iter().map(|row| found(&links(row)[0])).collect();
        assert_eq!(told, counts, "{asked}: {page}");
        for row in rows {
            let links = links(row);
            assert!(
                links.len() >= 5 && links[..3].iter().all(|link| *link == links[0]),
                "every cell leads there: {row}"
            );
            assert_eq!(found(links.last().unwrap()), 0, "nothing was asked before: {row}");
        }
    }
    let page = visitor.page("/admin/usage?by=model&range=1h&q=model%3Agpt-*+-key%3Anobody");
    let links = links(page.rsplit_once("<tbody>").unwrap().1);
    assert!(page.contains("value=\"model:gpt-* -key:nobody\"") && !page.contains("模型 b"), "{page}");
    assert!(links[0].contains("model%3Agpt-a%20model%3Agpt-%2A%20-key%3Anobody"), "what narrows goes along: {links:?}");
    assert_eq!(found(&links[0]), 2);
    for (wrong, marked, told) in [
        ("q=model%3Aa+status%3A200", "model:a <mark>status:200</mark>", "status"),
        ("q=hello", "<mark>hello</mark>", ""),
        ("q=model%3Aa&by=status", "<mark>model:a</mark>", ""),
        ("q=modle%3Agpt-a", "<mark>modle:</mark>gpt-a", "Sums can be narrowed by `model:`"),
        ("q=foo%3A1", "<mark>foo:</mark>1", "Sums can be narrowed by `model:`"),
    ] {
        let refused = visitor.get(&format!("/admin/usage?metric=cost&tz=UTC&{wrong}"));
        let page = refused.text();
        let problem = between(&page, "id=\"q-wrong\"", "</div>");
        assert!(refused.status == 400 && problem.contains(marked) && problem.contains(told), "{wrong}: {page}");
        assert!(page.contains("aria-invalid=\"true\" aria-describedby=\"q-wrong\""), "{page}");
        assert!(page.contains("<option value=\"cost\" selected>") && !page.contains("class=\"chart\""), "{page}");
        assert_eq!(visitor.get(&format!("/admin/usage/csv?{wrong}")).status, 400, "{wrong}");
    }
    let other = visitor.get("/admin/usage?q=foo%3A1").text();
    assert!(!other.contains("Did you mean"), "nothing else with it can be asked here: {other}");
    let better = visitor.get("/admin/usage?metric=cost&q=modle%3Agpt-a").text();
    let better = between(&better, "Did you mean", "</p>").to_owned();
    assert!(better.contains("metric=cost") && better.contains("q=model%3Agpt-a"), "{better}");
    for wrong in ["top=9", "metric=colour", "p=p51", "by=x", "bucket=2m", "range=401d", "colour=red"] {
        let call = browser("GET", &format!("/admin/usage?{wrong}"));
        let refused = gateway.send(call.header("Cookie", &format!("{}; oar_lang=zh-CN", visitor.cookie)));
        let page = refused.text();
        assert_eq!(refused.status, 400, "{wrong}");
        let told = between(&page, "<main", "</main>");
        assert!(!told.contains("must") && !told.contains("there"), "{wrong} is told in Chinese: {told}");
    }
    assert_eq!(visitor.get("/admin/usage?by=colour").status, 400);
    // A chart of bars has 120 at most, one of lines 240 points: wider steps take their place, and the page says so.
    let told = |parameters: &str| {
        let page = visitor.page(&format!("/admin/usage?{parameters}"));
        let chosen = between(&page, "<select name=\"bucket\">", "</select>");
        (between(chosen, "<option value=\"", "\" selected>").rsplit('"').next().unwrap().to_owned(), page)
    };
    let (chosen, page) = told("bucket=1h&range=7d&by=none");
    assert!(
        chosen == "1d" && page.contains("In days, zone UTC. In hours there would be more than 120 steps."),
        "{page}"
    );
    let (chosen, page) = told("bucket=1h&range=7d&by=model");
    assert!(chosen == "1h" && !page.contains("there would be more"), "{page}");
    let (chosen, page) = told("bucket=1m&range=7d&by=model");
    assert!(chosen == "1h" && page.contains("In minutes there would be more than 240 steps."), "{page}");
    assert!(page.contains("/admin/usage/csv?metric=requests&#38;by=model&#38;bucket=1h&#38;"), "{page}");
    let file = visitor.get("/admin/usage/csv?bucket=1m&range=7d");
    assert!(file.status == 400 && file.text().contains("a file has as many steps as a chart"), "{}", file.text());
    assert_eq!(visitor.get("/admin/usage/csv?bucket=1h&range=7d&by=none").status, 200, "no bars in a file");
}

fn the_speed_of_streams_is_told_with_its_samples(kind: Kind) {
    let gateway = Gateway::with(kind, []);
    let visitor = Visitor::log_in(&gateway);
    let now = Utc::now().timestamp_micros();
    let stream = |tokens: i64| Sample {
        started_us: now - 60_000_000,
        model: "m",
        status: 200,
        streamed: true,
        tokens_out: Some(tokens),
        first_content_us: Some(500_000),
        total_us: 1_500_000,
        ..Sample::default()
    };
    let whole = Sample { streamed: false, tokens_out: Some(1_000_000), ..stream(0) };
    let mut conn = Database::open(&gateway.database.location).unwrap().database.connect().unwrap();
    let mut batch: Vec<Sample<'_>> = (0..99).map(|_| stream(50)).collect();
    batch.push(whole);
    add(&mut conn, &batch).unwrap();
    let told = gateway.admin("GET", "/admin/usage", "").json()["totals"]["tokens_per_second"].clone();
    assert_eq!(told["count"], 99, "what is no stream has no speed");
    let speed = told["p50"].as_f64().unwrap();
    assert!((speed - 50.0).abs() < 2.5, "50 tokens in a second: {told}");
    let page = |p: &str| visitor.page(&format!("/admin/usage?metric=speed&p={p}&range=1h"));
    let cell = |page: &str, label: &str| {
        let row = page.rsplit_once("<tbody>").unwrap().1;
        let cell = row.split(&format!("data-l=\"{label}\">")).nth(1).unwrap().split("</td>").next().unwrap().to_owned();
        cell.split_once('>').unwrap().1.split('<').next().unwrap().to_owned()
    };
    assert!(cell(&page("p50"), "Tokens/s").starts_with(&format!("{speed:.1}")), "{}", page("p50"));
    assert_eq!((cell(&page("p50"), "Samples").as_str(), cell(&page("p99"), "Tokens/s").as_str()), ("99", "—"));
    assert!(page("p50").contains(" (99)<"), "the chart's table tells the samples too: {}", page("p50"));
    assert!(links(&page("p50")).iter().any(|link| link.contains("model%3Am%20is%3Astream")), "{}", page("p50"));
    assert!(page("p99").contains("No step has the hundred samples"), "{}", page("p99"));
    let cost = visitor.page("/admin/usage?metric=cost&range=1h");
    assert!(cost.contains("This is not known of any request"), "{cost}");
    let counts = visitor.page("/admin/usage?range=1h");
    assert_eq!(cell(&counts, "Change"), "▲ from 0", "there were none before");
    let before = visitor.page("/admin/usage?from=2020-01-01&to=2020-01-02&metric=cost");
    assert!(before.contains("Nothing was asked in this range"), "{before}");
    add(&mut conn, &[stream(50), Sample { started_us: now - 5_400_000_000, ..stream(50) }]).unwrap();
    assert_ne!(cell(&page("p99"), "Tokens/s"), "—", "a hundred are enough");
    let counts = visitor.page("/admin/usage?range=1h");
    assert_eq!(cell(&counts, "Change"), "▲ 10,000 % against the time before", "one then, 101 now");
    let file = visitor.page("/admin/usage/csv?metric=speed&by=status&range=1h");
    let line = file.lines().nth(1).unwrap();
    assert!(file.lines().next().unwrap().ends_with("speed_samples,speed_p50,speed_p95,speed_p99"), "{file}");
    assert!(line.contains(",200,101,") && line.contains(",100,"), "{file}");
}

fn requests_without_a_price_are_told_beside_the_cost_and_are_not_free(kind: Kind) {
    let gateway = Gateway::with(kind, []);
    let visitor = Visitor::log_in(&gateway);
    visitor.send("/admin/keys", "name=team");
    let now = Utc::now().timestamp_micros();
    let of = |model, minutes: i64, cost_nano| Sample {
        started_us: now - minutes * 60_000_000,
        model,
        key_name: "team",
        status: 200,
        cost_nano,
        ..Sample::default()
    };
    let samples =
        [of("free", 1, None), of("free", 1, None), of("dear", 1, Some(5_000_000_000)), of("dear", 20, Some(1))];
    let mut conn = Database::open(&gateway.database.location).unwrap().database.connect().unwrap();
    add(&mut conn, &samples).unwrap();
    let page = visitor.page("/admin/usage?metric=cost&by=model&range=1h");
    assert_eq!(page.matches("2 requests without a price").count(), 2, "of the model, and of everything: {page}");
    let steps = between(&page, "<figure", "</figure>");
    assert_eq!(steps.matches("data-l=\"free\"").count(), 2, "{steps}");
    assert!(!steps.contains("$0<") && !steps.contains("free $"), "what is not known is not nothing: {steps}");
    let file = visitor.page("/admin/usage/csv?by=model&bucket=1d&range=1h");
    assert!(file.contains(",free,2,0,0,0,0,0,0,,2,") && file.contains(",dear,2,0,0,0,0,0,0,5.000000001,0,"), "{file}");
    let keys = visitor.page("/admin/keys");
    assert!(keys.contains("<div>$5.00<span class=\"hint\">2 requests without a price</span></div>"), "{keys}");
}

on_both! {
    requests_without_a_price_are_told_beside_the_cost_and_are_not_free,
    usage_by_status_and_host_is_exact_also_after_a_restart_and_a_removal,
    every_number_of_usage_leads_to_its_requests,
    the_speed_of_streams_is_told_with_its_samples,
}
