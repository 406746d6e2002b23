//! Hostile and plain Markdown against what a page gets. **May import:** this room.

use crate::dashboard::markdown::{RUN_BYTES, html, runs};

fn plain(text: &str) -> String {
    html(text, &|_| Vec::new())
}

#[test]
fn markdown_becomes_elements() {
    for (text, has) in [
        ("**修复** `ok`", "<strong>修复</strong> <code>ok</code>"),
        ("# Big\n\n### Small", "<h4>Big</h4>\n<h5>Small</h5>"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "<td>1</td>"),
        ("~~old~~", "<del>old</del>"),
        ("- [x] done\n- [ ] open", "☑ done"),
        ("3. three", "<ol start=\"3\">"),
        ("```rust\nlet a = 1 < 2;\n```", "<pre><code>let a = 1 &lt; 2;\n</code></pre>"),
        (
            "[here](https://example.com/a?b=1)",
            "<a href=\"https://example.com/a?b=1\" rel=\"noopener noreferrer nofollow\">here</a>",
        ),
        ("[mail](mailto:a@b.c)", "href=\"mailto:a@b.c\""),
        ("[x](/admin/logout)", "<a rel=\"noopener noreferrer nofollow\">x</a>"),
    ] {
        let made = plain(text);
        assert!(made.contains(has), "{text}: {made}");
    }
}

#[test]
fn html_in_the_text_is_shown_and_never_made() {
    for text in [
        "<img src=x onerror=alert(1)>",
        "a <b onclick=alert(1)>b</b>",
        "<script>alert(1)</script>",
        "<style>*{display:none}</style>",
        "<iframe src=//evil.example></iframe>",
        "<svg><script>alert(1)</script></svg>",
        "<form action=/admin/logout method=post><button>x</button></form>",
        "<!-- x --><a href=javascript:alert(1)>x</a>",
        "<div\n\n<img src=x onerror=alert(1)>",
        "> <img src=x onerror=alert(1)>",
        "| <img src=x onerror=alert(1)> |\n|---|",
    ] {
        let made = plain(text);
        for tag in
            ["<img", "<b ", "<b>", "<script", "<style", "<iframe", "<svg", "<form", "<button", "<a ", "<div", "<!--"]
        {
            assert!(!made.contains(tag), "{text}: {made}");
        }
        assert!(made.contains("&lt;"), "{text} can be read: {made}");
    }
}

#[test]
fn a_picture_is_a_link_and_loads_nothing() {
    let made = plain("![a cat](https://evil.example/?leak=1) ![](https://evil.example/b.png)");
    assert!(!made.contains("<img"), "{made}");
    assert!(
        made.contains("<a href=\"https://evil.example/?leak=1\" rel=\"noopener noreferrer nofollow\">a cat</a>"),
        "{made}"
    );
    assert!(made.contains(">https://evil.example/b.png</a>"), "{made}");
    let inside = plain("[![alt](https://a.example/i.png)](https://b.example/)");
    assert_eq!(inside.matches("<a ").count(), 1, "{inside}");
    assert!(inside.contains(">alt</a>") && inside.contains("https://b.example/"), "{inside}");
    let data = plain(&format!("![](data:image/png;base64,{})", "A".repeat(10_000)));
    assert!(!data.contains("href") && data.len() < 300, "{data}");
}

#[test]
fn links_lead_to_the_web_and_nowhere_else() {
    for address in [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\tscript:alert(1)",
        "&#106;avascript:alert(1)",
        "vbscript:x",
        "data:text/html;base64,PHNjcmlwdD4=",
        "file:///etc/passwd",
        "/admin/logout",
        "//evil.example/",
        "?lang=en",
        "#main",
    ] {
        for text in [format!("[x]({address})"), format!("[x]: <{address}>\n\n[x]"), format!("![x]({address})")] {
            let made = plain(&text);
            assert!(!made.contains("href"), "{text}: {made}");
            assert!(made.contains('x'), "{made}");
        }
    }
    let made = plain("[x](https://a.example \"t\\\" onmouseover=alert(1) class=danger\")");
    assert_eq!(made.matches('<').count(), 4, "{made}");
    assert!(!made.contains("\" onmouseover"), "{made}");
}

#[test]
fn no_attribute_comes_from_the_text() {
    let made = plain("# a {#id .class style=x}\n\n```js onload=alert(1)\nx\n```\n\n|a|\n|:-:|\n|b|");
    for attribute in ["id=", "class=", "style="] {
        assert!(!made.replace("{#id .class style=x}", "").contains(attribute), "{made}");
    }
}

#[test]
fn depth_is_bounded_and_no_word_is_lost() {
    let made = plain(&format!("{} deep", ">".repeat(5_000)));
    assert!(made.matches("<blockquote>").count() <= 24 && made.contains("deep"), "{}", made.len());
    let lists = plain(&(0..500).map(|n| format!("{}- n{n}\n", "  ".repeat(n))).collect::<String>());
    assert!(lists.matches("<ul>").count() <= 24 && lists.contains("n499"));
}

#[test]
fn what_was_searched_for_is_marked_wherever_it_stands() {
    let find = |text: &str| text.match_indices("修复").map(|(at, hit)| at..at + hit.len()).collect::<Vec<_>>();
    let made = html("请**修复**它\n\n`修复` <修复>", &find);
    assert!(made.contains("<strong><mark>修复</mark></strong>"), "{made}");
    assert!(made.contains("&lt;<mark>修复</mark>&gt;"), "{made}");
    let hostile = html("<mark>x</mark>", &find);
    assert!(hostile.contains("&lt;mark&gt;"), "{hostile}");
}

#[test]
fn long_lines_are_parted_at_spaces_or_between_characters() {
    let words = "数据库 connection ".repeat(2_000);
    let parted: Vec<&str> = runs(&words).collect();
    assert_eq!(parted.concat(), words);
    assert!(parted.iter().all(|run| run.len() <= RUN_BYTES && run.ends_with(' ')), "{parted:?}");
    let dense = "修复".repeat(5_000);
    assert_eq!(runs(&dense).collect::<String>(), dense);
    assert!(runs(&dense).count() == 8 && runs(&dense).all(|run| run.len() <= RUN_BYTES));
    assert_eq!((runs("").count(), runs("short").collect::<Vec<_>>()), (0, vec!["short"]));
    for text in [dense.clone(), format!("`{dense}`"), format!("```\n{dense}\n```")] {
        let made = html(&text, &|text| text.find("复修").map(|at| at..at + 6).into_iter().collect());
        assert!(made.contains("修<mark>复修</mark>复"), "{made}");
        assert!(made.split("<wbr>").all(|run| run.len() < RUN_BYTES + 100), "{made}");
        assert_eq!(made.matches("<wbr>").count(), 7, "{made}");
    }
}
