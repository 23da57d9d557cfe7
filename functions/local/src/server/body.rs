use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Sleep, sleep};

/// How long the body of a request may take to arrive.
const BODY: Duration = Duration::from_secs(30);

/// A body that fails when it arrives too slowly, so that nobody keeps a request open by dripping.
pub(super) struct Hurried<B> {
    body: B,
    deadline: Pin<Box<Sleep>>,
}

impl<B> Hurried<B> {
    pub(super) fn new(body: B) -> Self {
        Self {
            body,
            deadline: Box::pin(sleep(BODY)),
        }
    }
}

impl<B> Body for Hurried<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        self.deadline
            .as_mut()
            .poll(context)
            .map(|()| Some(Err("the body took too long".into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{BodyExt, Empty, Full};
    use std::convert::Infallible;

    struct Never;

    impl Body for Never {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Pending
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_comes_is_an_error() {
        let error = Hurried::new(Never).collect().await.unwrap_err();
        assert!(error.to_string().contains("too long"), "{error}");
    }

    #[tokio::test]
    async fn any_other_passes_as_it_is() {
        let full = Hurried::new(Full::new(Bytes::from_static(b"abc")))
            .collect()
            .await
            .unwrap();
        assert_eq!(full.to_bytes(), "abc");
        assert!(
            Hurried::new(Empty::<Bytes>::new())
                .collect()
                .await
                .unwrap()
                .to_bytes()
                .is_empty()
        );
    }
}
