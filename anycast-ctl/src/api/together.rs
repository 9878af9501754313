//! Something that is made for everybody who asks at the same time, once: however many they are, one at a time is made.
//!
//! Those who come while one is made wait for the next, so that nobody is told what was before the question. Under load the
//! maker rests between two: it takes a fifth of the time at most.

use std::time::Duration;

use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until},
};

/// One took this long to make: the next is begun after that many times as long.
const REST: u32 = 4;

/// No rest is longer.
const LONGEST_REST: Duration = Duration::from_secs(1);

/// Who may wait for one.
const WAITING: usize = 4_096;

/// Asks for them.
#[derive(Debug)]
pub struct Together<T>(mpsc::Sender<oneshot::Sender<T>>);

impl<T: Clone + Send + 'static> Together<T> {
    /// Starts the maker, which ends for good when `make` says `None`.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn spawn<F>(make: impl FnMut() -> F + Send + 'static) -> Self
    where
        F: Future<Output = Option<T>> + Send + 'static,
    {
        let (sender, waiters) = mpsc::channel(WAITING);
        tokio::spawn(serve(make, waiters));
        Self(sender)
    }

    /// One that was begun after this was called; `None` when the maker has ended.
    pub async fn get(&self) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.0.send(reply).await.ok()?;
        answer.await.ok()
    }
}

async fn serve<T: Clone, F: Future<Output = Option<T>>>(
    mut make: impl FnMut() -> F,
    mut waiters: mpsc::Receiver<oneshot::Sender<T>>,
) {
    let mut next = Instant::now();
    while let Some(first) = waiters.recv().await {
        sleep_until(next).await;
        let mut served = vec![first];
        while let Ok(waiter) = waiters.try_recv() {
            served.push(waiter);
        }
        let begun = Instant::now();
        let Some(made) = make().await else { return };
        next = Instant::now() + (begun.elapsed() * REST).min(LONGEST_REST);
        for waiter in served {
            drop(waiter.send(made.clone()));
        }
    }
}

impl<T> Clone for Together<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };

    use futures_util::future::join_all;
    use tokio::time::sleep;

    use super::*;

    #[tokio::test]
    async fn those_who_ask_at_once_share_one_and_the_next_get_another() {
        let made = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&made);
        let together = Together::spawn(move || {
            let number = counted.fetch_add(1, Ordering::Relaxed);
            async move {
                sleep(Duration::from_millis(5)).await;
                (number < 2).then_some(number)
            }
        });
        assert_eq!(join_all((0..100).map(|_| together.get())).await, vec![Some(0); 100]);
        assert_eq!(join_all((0..100).map(|_| together.get())).await, vec![Some(1); 100]);
        assert_eq!(made.load(Ordering::Relaxed), 2);
        assert_eq!((together.get().await, together.get().await), (None, None));
    }
}
