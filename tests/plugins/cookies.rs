//! Cookies on the way in and out.

use crate::support::client::{ask, get};
use crate::support::origin::Origin;
use crate::support::{Gateway, backend, gateway, route};

#[test]
fn cookies_are_edited_on_the_way_in() {
    let a = Origin::ok();
    let start = |plugin: &str| {
        let spec =
            format!("match: [{{ path: \"/{{tenant}}\" }}]\nplugins: [{{ requestCookies: {plugin} }}]\nbackend: a");
        Gateway::start(&(gateway("") + &backend("a", a.address, "") + &route("all", &spec)))
    };
    for (plugin, sent) in [
        ("{ remove: [_ga] }", vec!["a=1; b=2; tenant=evil"]),
        ("{ keep: [b] }", vec!["b=2"]),
        ("{ remove: [a, b, _ga, tenant] }", vec![]),
        (
            "{ keep: [a], set: { tenant: \"${path.tenant}\", none: \"${request.header.x-none}\" } }",
            vec!["a=1; tenant=acme"],
        ),
        ("{ keep: [a], set: { bad: \"${request.header.user-agent}\" } }", vec!["a=1"]),
    ] {
        a.forget();
        let running = start(plugin);
        let fields = "User-Agent: a b; c\r\nCookie: a=1; _ga=x\r\nCookie: b=2; tenant=evil\r\n";
        assert_eq!(ask(running.http(), get("/acme", fields)).text(), "ok");
        let own = a.seen()[0].all("cookie").into_iter().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(own, sent, "{plugin}");
    }
}

#[test]
fn cookies_are_edited_on_the_way_out() {
    let a = Origin::answering(
        "HTTP/1.1 200 OK\r\nSet-Cookie: session=1; Path=/; Domain=internal\r\nSet-Cookie: debug=1\r\nContent-Length: 2\r\n\r\nok",
    );
    let plugin = "{ remove: [debug], hostOnly: true, secure: true, httpOnly: true, sameSite: strict, \
                  set: [{ name: seen, value: \"${request.path}\", maxAge: 1d }, { name: none, value: \"${request.query.q}\" }] }";
    let spec = format!("plugins: [{{ responseCookies: {plugin} }}]\nbackend: a");
    let running = Gateway::start(&(gateway("") + &backend("a", a.address, "") + &route("all", &spec)));
    let answer = ask(running.http(), get("/x", ""));
    assert_eq!(
        answer.all("set-cookie"),
        [
            "session=1; Path=/; HttpOnly; Secure; SameSite=Strict",
            "seen=/x; Max-Age=86400; Path=/; HttpOnly; SameSite=Lax"
        ]
    );
}
