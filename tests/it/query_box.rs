//! The query box of both lists: the same help, marks and words in either language; what an empty list tells; addresses.

use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::samples::good;
use crate::support::upstream::FakeUpstream;
use crate::support::visitor::{Visitor, between, browser, encoded};

const LISTS: [&str; 2] = ["/admin/requests", "/admin/conversations"];

fn chat(text: &str) -> Call {
    Call::chat(&serde_json::json!({"model": "gpt-4o", "messages": [{"role": "user", "content": text}]}).to_string())
}

#[test]
fn a_wrong_query_is_told_in_the_pages_language_with_its_place_and_what_would_be_right() {
    let gateway = Gateway::with(Kind::Sqlite, []);
    let visitor = Visitor::log_in(&gateway);
    for list in LISTS {
        let target = format!("{list}?q={}", encoded("中 modle:gpt-4o"));
        let english = visitor.get(&target);
        assert_eq!(english.status, 400);
        let page = english.text();
        let wrong = between(&page, "id=\"q-wrong\"", "</div>");
        assert!(wrong.contains("There is no field `modle`") && wrong.contains("Character 3"), "{wrong}");
        assert!(wrong.contains("<mark>modle:</mark>gpt-4o"), "{wrong}");
        let chinese =
            gateway.send(browser("GET", &target).header("Cookie", &format!("{}; oar_lang=zh-CN", visitor.cookie)));
        let page = chinese.text();
        let wrong = between(&page, "id=\"q-wrong\"", "</div>");
        assert!(wrong.contains("没有字段 `modle`；最接近的是 `model`") && wrong.contains("第 3 个字符"), "{wrong}");
        assert!(wrong.contains("您是否想输入") && wrong.contains(">中 model:gpt-4o</a>"), "{wrong}");
        assert!(!wrong.contains("lang=\"en\"") && !wrong.contains("Write"), "{wrong}");
    }
    let json = gateway.admin("GET", &format!("/admin/requests?q={}", encoded("modle:gpt-4o")), "");
    let error = &json.json()["error"];
    let told = error["message"].as_str().unwrap();
    assert!(told.contains("There is no field `modle`; the nearest: `model`"), "{told}");
    assert_eq!(error["suggestion"], "model:gpt-4o");
}

#[test]
fn both_lists_offer_the_same_help_and_the_names_there_are() {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("azure")]);
    gateway.send(chat("hello"));
    gateway.records_when(1);
    let visitor = Visitor::log_in(&gateway);
    for list in LISTS {
        let page = visitor.page(&format!("{list}?q=hello"));
        let offers = between(&page, "<datalist id=\"offers\">", "</datalist>");
        for offer in ["model:", "is:error", "has:tool", "model:gpt-4o", "upstream:azure"] {
            assert!(offers.contains(&format!("value=\"{offer}\"")), "{list}: {offer} in {offers}");
        }
        let help = between(&page, "<details class=\"help\">", "</details>");
        assert!(help.contains("status:") && help.contains("name=\"add\" value=\"status:502\""), "{help}");
        let chips = between(&page, "<ul class=\"chips\" aria-label=\"Terms", "</ul>");
        assert!(chips.contains("hello ×"), "{page}");
        let page = visitor.page(&format!("{list}?q=%22one%22+hello+-%22two%22&range=7d"));
        let chips = between(&page, "<ul class=\"chips\" aria-label=\"Terms", "</ul>");
        let left = chips.split("href=\"").nth(2).unwrap().split('"').next().unwrap();
        assert!(left.starts_with("?q=%22one%22+-%22two%22&"), "the others stay as they were typed: {left}");
    }
}

#[test]
fn an_empty_list_tells_what_there_is_and_which_term_to_leave_out() {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    let visitor = Visitor::log_in(&gateway);
    for list in LISTS {
        assert!(visitor.page(list).contains("No request has been recorded yet."));
    }
    gateway.send(chat("hello there"));
    gateway.records_when(1);
    for list in LISTS {
        let page = visitor.page(&format!("{list}?q={}", encoded("hello status:500")));
        assert!(page.contains("Nothing matched. In this range there are 1 requests."), "{page}");
        assert!(page.contains("href=\"?q=hello\">Remove status:500: 1 requests"), "{page}");
        assert!(!page.contains("Remove hello:"), "without it there would be nothing either: {page}");
        assert!(page.contains("&#38;range=all\">Look in all time"), "{page}");
        let alone = visitor.page(&format!("{list}?q=nonsense"));
        assert!(alone.contains("Remove nonsense: 1 requests"), "{alone}");
    }
}

#[test]
fn addresses_lose_what_is_empty_and_what_is_unknown_is_named() {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    gateway.send(chat("hello"));
    let record = gateway.record();
    let (id, talk) = (record.number("id"), record.number("conversation_id"));
    let visitor = Visitor::log_in(&gateway);
    let pages = [
        ("/admin/requests".to_owned(), "range=7d"),
        ("/admin/conversations".to_owned(), "range=7d"),
        (format!("/admin/requests/{id}"), "view=json"),
        (format!("/admin/conversations/{talk}"), "q=hello"),
    ];
    for (path, kept) in pages {
        let tidied = visitor.get(&format!("{path}?q=&{kept}&from="));
        assert_eq!(
            (tidied.status, tidied.header("location")),
            (302, Some(format!("{path}?{kept}").as_str())),
            "{path}"
        );
        let unknown = visitor.get(&format!("{path}?colour=red"));
        assert_eq!(unknown.status, 400, "{path}");
        assert!(unknown.text().contains("colour"), "{}", unknown.text());
        assert_eq!(visitor.get(&format!("{path}?{kept}")).status, 200, "{path}");
    }
    for target in [format!("/admin/requests?q=conv%3A{talk}&range=all"), "/admin/conversations?range=all".to_owned()] {
        assert!(visitor.page(&target).contains("aria-current=\"true\">All time"), "{target}");
    }
    for wrong in ["range=xx", "from=yesterday", "before=x", "limit=0", "sort=up", "refresh=1", "cols=weight"] {
        let call = browser("GET", &format!("/admin/requests?{wrong}"));
        let answer = gateway.send(call.header("Cookie", &format!("{}; oar_lang=zh-CN", visitor.cookie)));
        assert_eq!(answer.status, 400, "{wrong}");
        let page = answer.text();
        assert!(!between(&page, "<main", "</main>").contains("must be"), "{wrong} is told in Chinese: {page}");
    }
    assert_eq!(visitor.get(&format!("/admin/conversations/{talk}?turn=x")).status, 400);
    assert_eq!(visitor.get(&format!("/admin/conversations/{talk}?turn={id}")).status, 200);
    assert_eq!(visitor.get(&format!("/admin/conversations/{talk}?turn=999999")).status, 404);
    assert_eq!(visitor.get(&format!("/admin/conversations/{talk}?q=foo:1")).status, 400);
}
