//! The decision engine against the router: pairs of random tables, on small alphabets so that overlaps are common, and random
//! requests. `GW_SPACE_CASES` says how many requests are sent through each pair's tables, in all.

#![expect(clippy::unwrap_used, reason = "a test may end in a panic")]

mod space {
    pub mod oracle;
    pub mod tables;
}

use std::fmt::Write as _;

use fastrand::Rng;
use gw::table::RouteTable;
use gw::table::space::{
    Authentication, Difference, Facet, Outcome, Request, Runs, Scope, Treatment, compare, differences, shadows, survey,
    treatment,
};
use space::oracle;
use space::tables::{Draft, request, scope, table};

const REQUESTS_PER_PAIR: usize = 100;

fn cases() -> usize {
    std::env::var("GW_SPACE_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(100_000)
}

/// The change that a request is in, if it is in one; never in two.
fn change_of<'d>(difference: &'d Difference, request: &Request) -> Option<&'d [Facet]> {
    let all = difference.changes.iter().flat_map(|change| change.classes.iter().map(move |class| (change, class)));
    let mut found = all.filter(|(_, class)| class.contains(request)).map(|(change, _)| &*change.facets);
    let first = found.next();
    assert!(found.next().is_none(), "{request} is in two classes");
    first
}

fn check(old: &RouteTable, new: &RouteTable, difference: &Difference, request: &Request) -> bool {
    let expected: Vec<Facet> = differences(old, new, request).into_iter().collect();
    let found = change_of(difference, request).unwrap_or_default();
    assert_eq!(found, expected, "{request} by {} from {:?}", request.listener, request.certificate);
    !expected.is_empty()
}

/// Every request that gets something else is in exactly one class, and no other is in one.
#[test]
fn classes_hold_the_requests_that_change_and_no_others() {
    let seed = std::env::var("GW_SPACE_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(0x5350);
    let mut random = Rng::with_seed(seed);
    let (mut changed, mut classes, mut unsure) = (0_usize, 0_usize, 0_usize);
    let pairs = cases().div_ceil(REQUESTS_PER_PAIR);
    for number in 0..pairs {
        let draft = Draft::random(&mut random, 12);
        let other = draft.mutated(&mut random);
        let (old, new) = (table(&draft), table(&other));
        let difference = compare(&old, &new);
        assert!(difference.unproved.is_empty(), "pair {number}");
        let text = || format!("pair {number}\n{draft:#?}\n{other:#?}\n{}", shown(&difference));
        for class in difference.changes.iter().flat_map(|change| &change.classes) {
            classes += 1;
            unsure += usize::from(!class.certain);
            let Some(witness) = &class.witness else { continue };
            assert!(class.contains(witness), "{witness} of {class}\n{}", text());
        }
        for _ in 0..REQUESTS_PER_PAIR {
            let request = request(&mut random);
            let result =
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(&old, &new, &difference, &request)));
            changed += usize::from(result.unwrap_or_else(|_| panic!("{}", text())));
        }
    }
    assert!(changed > cases() / 50, "changes are common: {changed}");
    assert!(unsure * 1000 <= classes, "{unsure} of {classes} classes have no witness");
}

fn shown(difference: &Difference) -> String {
    let mut text = String::new();
    for change in &difference.changes {
        writeln!(text, "{:?} {} -> {} {:?}", change.risk, change.old, change.new, change.facets).unwrap();
        change.classes.iter().for_each(|class| writeln!(text, "    {class}").unwrap());
    }
    text
}

/// A table is equivalent to itself, and to one with the same rules in another order of files.
#[test]
fn what_stays_the_same_is_proved_to() {
    let mut random = Rng::with_seed(0x5361);
    for _ in 0..cases() / 500 {
        let draft = Draft::random(&mut random, 12);
        assert!(compare(&table(&draft), &table(&draft)).is_none());
        let renamed = draft.renamed();
        let difference = compare(&table(&draft), &table(&renamed));
        assert!(difference.is_only_names(), "{draft:#?}\n{}", shown(&difference));
    }
}

/// Every request of a scope that is treated as asked is in exactly one class, which says how it is treated, and no other is in one.
#[test]
fn surveys_hold_the_requests_that_are_asked_for_and_no_others() {
    let mut random = Rng::with_seed(0x5363);
    let mut wanted = 0_usize;
    let is_wanted = |treatment: &Treatment| match &treatment.outcome {
        Outcome::Routed(routed) => !treatment.runs[0] && routed.authentication == Authentication::None,
        _ => false,
    };
    for _ in 0..cases().div_ceil(REQUESTS_PER_PAIR) {
        let draft = Draft::random(&mut random, 12);
        let (table, scope) = (table(&draft), scope(&mut random));
        let found = survey(&table, &scope, &[Runs::Plugin("nothing")], &is_wanted);
        assert!(found.unknown.is_empty());
        for _ in 0..REQUESTS_PER_PAIR {
            let request = request(&mut random);
            let own = treatment(&table, &request, &[Runs::Plugin("nothing")]);
            let expected = (is_in(&scope, &request) && is_wanted(&own)).then_some(own);
            let of = found.classes.iter().filter(|(_, class)| class.contains(&request));
            let of: Vec<_> = of.map(|(treatment, _)| treatment).collect();
            assert_eq!(
                of,
                expected.iter().collect::<Vec<_>>(),
                "{request} by {}\n{draft:#?}\n{scope:#?}",
                request.listener
            );
            wanted += of.len();
        }
    }
    assert!(wanted > cases() / 200, "they are common: {wanted}");
}

fn is_in(scope: &Scope, request: &Request) -> bool {
    let (listener, head) = (&request.listener, &request.head);
    (scope.listeners.is_empty() || scope.listeners.contains(listener))
        && (scope.hosts.is_empty() || scope.hosts.iter().any(|host| host.matches(&head.host)))
        && (scope.paths.is_empty() || scope.paths.iter().any(|glob| glob.matches(&head.path)))
        && (scope.methods.is_empty() || scope.methods.contains(&head.method))
}

/// What is said to be met by no request is met by none, all of it is said, and so are those that get the requests instead.
#[test]
fn shadows_are_those_that_trying_finds() {
    let mut random = Rng::with_seed(0x5362);
    let (mut tried, mut found) = (0_usize, 0_usize);
    for _ in 0..cases() / 400 {
        let draft = Draft::random(&mut random, 7);
        let table = table(&draft);
        let Some(expected) = oracle::shadows(&table) else { continue };
        assert_eq!(shadows(&table), expected, "{draft:#?}");
        tried += 1;
        found += expected.len();
    }
    assert!(tried > cases() / 2000 && found > tried / 20, "{found} shadows in {tried} tables");
}
