//! What plugins note of a request on the way in, for themselves on the way out.

use std::any::Any;
use std::ptr;

/// The notes of one request, each by the plugin that made it.
#[derive(Default)]
pub struct Notes(Vec<(usize, Box<dyn Any>)>);

impl Notes {
    /// Notes something, in place of what the plugin noted before.
    pub fn put<P, T: Any>(&mut self, plugin: &P, note: T) {
        self.0.retain(|(by, _)| *by != identity(plugin));
        self.0.push((identity(plugin), Box::new(note)));
    }

    /// Takes what the plugin noted.
    pub fn take<P, T: Any>(&mut self, plugin: &P) -> Option<T> {
        let at = self.0.iter().position(|(by, note)| *by == identity(plugin) && note.is::<T>())?;
        self.0.swap_remove(at).1.downcast().ok().map(|note| *note)
    }
}

/// A compiled plugin stands where it stands as long as its table lives.
fn identity<P>(plugin: &P) -> usize {
    ptr::from_ref(plugin).addr()
}

#[cfg(test)]
mod tests {
    use super::Notes;

    #[test]
    fn each_plugin_finds_its_own_notes() {
        let (one, other) = (Box::new(1_u8), Box::new(1_u8));
        let mut notes = Notes::default();
        notes.put(&*one, "a");
        notes.put(&*other, "b");
        notes.put(&*one, "c");
        assert_eq!((notes.take(&*one), notes.take::<_, &str>(&*one)), (Some("c"), None));
        assert_eq!(notes.take(&*other), Some("b"));
    }
}
