//! Which items of two lists belong together: by what names them, else by the shortest way from one list to the other.

use std::collections::{HashMap, HashSet};

use serde_json::Value as Json;
use similar::{Algorithm, DiffOp, capture_diff_slices};

/// What becomes of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// It is in both lists, at these places, and may be changed.
    Both(usize, usize),
    /// It goes; its place in the old list.
    Removed(usize),
    /// It is new; its place in the new list.
    Added(usize),
}

/// How a list becomes another one.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Pairs {
    /// Each item, in the order of the new list; those that go come last.
    pub items: Vec<Item>,
    /// The names of the items that are in both, in their old and their new order, if that changes.
    pub order: Option<(Vec<String>, Vec<String>)>,
}

/// Pairs the items of two lists.
pub(super) fn pairs(old: &[Json], new: &[Json]) -> Pairs {
    match (names(old), names(new)) {
        (Some(before), Some(after)) => by_name(&before, &after),
        _ => by_distance(old, new),
    }
}

fn by_name(before: &[String], after: &[String]) -> Pairs {
    let places: HashMap<&str, usize> = before.iter().enumerate().map(|(i, name)| (name.as_str(), i)).collect();
    let kept: HashSet<&str> = after.iter().map(String::as_str).filter(|name| places.contains_key(name)).collect();
    let mut items: Vec<Item> = after
        .iter()
        .enumerate()
        .map(|(i, name)| places.get(name.as_str()).map_or(Item::Added(i), |old| Item::Both(*old, i)))
        .collect();
    let gone = before.iter().enumerate().filter(|(_, name)| !kept.contains(name.as_str()));
    items.extend(gone.map(|(i, _)| Item::Removed(i)));
    let common = |names: &[String]| names.iter().filter(|name| kept.contains(name.as_str())).cloned().collect();
    let (before, after): (Vec<String>, Vec<String>) = (common(before), common(after));
    Pairs { items, order: (before != after).then_some((before, after)) }
}

/// The names of all items, if each has one and no two have the same.
fn names(items: &[Json]) -> Option<Vec<String>> {
    let names: Vec<String> = items.iter().map(name).collect::<Option<_>>()?;
    let different: HashSet<&str> = names.iter().map(String::as_str).collect();
    (different.len() == names.len()).then_some(names)
}

/// What names an item of a list of objects: its `id`, `name`, `url` or `backend`; an entry that holds one thing beside when it holds,
/// such as a plugin, by that thing.
fn name(item: &Json) -> Option<String> {
    let fields = item.as_object()?;
    let named = ["id", "name", "url", "backend"].iter().find_map(|field| fields.get(*field).and_then(Json::as_str));
    if let Some(name) = named {
        return Some(name.to_owned());
    }
    let mut things = fields.keys().filter(|field| !matches!(field.as_str(), "id" | "when" | "enabled"));
    things.next().filter(|_| things.next().is_none()).cloned()
}

fn by_distance(old: &[Json], new: &[Json]) -> Pairs {
    let texts = |items: &[Json]| items.iter().map(Json::to_string).collect::<Vec<_>>();
    let mut pairs = Pairs::default();
    let mut gone = Vec::new();
    for step in capture_diff_slices(Algorithm::Myers, &texts(old), &texts(new)) {
        let (before, after) = match step {
            DiffOp::Equal { .. } => continue,
            other => (other.old_range(), other.new_range()),
        };
        let both = before.len().min(after.len());
        let (first, start) = (before.start, after.start);
        pairs.items.extend((0..both).map(|i| Item::Both(first + i, start + i)));
        pairs.items.extend(after.skip(both).map(Item::Added));
        gone.extend(before.skip(both).map(Item::Removed));
    }
    pairs.items.append(&mut gone);
    pairs
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Item::{Added, Both, Removed};
    use super::{Item, pairs};

    fn check(old: &Value, new: &Value, items: &[Item], order: bool) {
        let found = pairs(old.as_array().unwrap(), new.as_array().unwrap());
        assert_eq!((found.items.as_slice(), found.order.is_some()), (items, order), "{old} {new}");
    }

    #[test]
    fn items_with_names_are_paired_by_them() {
        let (a, b, c) = (json!({ "url": "a" }), json!({ "url": "b", "weight": 2 }), json!({ "url": "c" }));
        check(&json!([a, b]), &json!([b, c]), &[Both(1, 0), Added(1), Removed(0)], false);
        check(&json!([a, b]), &json!([b, a]), &[Both(1, 0), Both(0, 1)], true);
    }

    #[test]
    fn plugins_are_paired_by_id_and_else_by_their_type() {
        let (cors, auth) = (json!({ "cors": {} }), json!({ "auth": { "anyOf": ["a"] }, "when": {} }));
        let second = json!({ "cors": {}, "id": "second" });
        check(&json!([cors, auth]), &json!([second, auth, cors]), &[Added(0), Both(1, 1), Both(0, 2)], true);
    }

    #[test]
    fn others_by_the_shortest_way() {
        let (a, b, x) = (json!({ "p": 1, "q": 1 }), json!({ "p": 2, "q": 1 }), json!({ "p": 9, "q": 9 }));
        check(&json!([a, b]), &json!([x, a, b]), &[Added(0)], false);
        check(&json!([a, b]), &json!([a, x]), &[Both(1, 1)], false);
        check(&json!(["a", "b"]), &json!(["b"]), &[Removed(0)], false);
    }
}
