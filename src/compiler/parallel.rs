//! Work on all cores: the same for each of many things, with what it gives in the order of the things; and two works at once.

use std::num::NonZero;
use std::thread;

/// Does it, by as many threads as the machine has cores.
pub fn each<T: Send, R: Send>(things: &mut [T], work: impl Fn(&mut T) -> R + Sync) -> Vec<R> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let chunk = things.len().div_ceil(threads).max(1);
    if things.len() < 2 {
        return things.iter_mut().map(work).collect();
    }
    let work = &work;
    thread::scope(|scope| {
        let running: Vec<_> = things
            .chunks_mut(chunk)
            .map(|chunk| scope.spawn(move || chunk.iter_mut().map(work).collect::<Vec<_>>()))
            .collect();
        running
            .into_iter()
            .flat_map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

/// Does two things at once, the first one on this thread.
pub fn both<A, B: Send>(first: impl FnOnce() -> A, second: impl FnOnce() -> B + Send) -> (A, B) {
    thread::scope(|scope| {
        let second = scope.spawn(second);
        let first = first();
        (first, second.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}
