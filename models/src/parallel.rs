//! Pieces of work on a few scoped threads, results in the order of the pieces.

use std::sync::{Mutex, PoisonError};
use std::thread;

/// `work` of every item, in order; the calling thread works too.
pub(crate) fn each<I: Send, T: Send>(
    items: Vec<I>,
    threads: usize,
    work: impl Fn(I) -> T + Sync,
) -> Vec<T> {
    let threads = threads.min(items.len());
    if threads <= 1 {
        return items.into_iter().map(work).collect();
    }
    let count = items.len();
    let queue = Mutex::new(items.into_iter().enumerate());
    let take = || {
        let mut done = Vec::with_capacity(count);
        loop {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
            match next {
                Some((place, item)) => done.push((place, work(item))),
                None => return done,
            }
        }
    };
    let mut done = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(take)).collect();
        let mut done = take();
        for other in others {
            match other.join() {
                Ok(part) => done.extend(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, value)| value).collect()
}

/// `work(0..count)`, in order.
pub(crate) fn map<T: Send>(
    count: usize,
    threads: usize,
    work: impl Fn(usize) -> T + Sync,
) -> Vec<T> {
    each((0..count).collect(), threads, work)
}

/// Threads the machine offers.
pub(crate) fn available() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Threads to use when `asked` for so many; 0 asks for all of the machine.
pub(crate) fn threads(asked: usize) -> usize {
    match asked {
        0 => available(),
        asked => asked,
    }
}
