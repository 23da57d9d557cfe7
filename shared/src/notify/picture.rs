//! The picture of a message: the history of its series as its rule sees it, what is expected of it, and the threshold.
//!
//! Read and drawn while the message is on its way, within a second, and only where the channel takes
//! one. Whatever fails leaves the message without a picture, never unsent.

mod subject;
#[cfg(test)]
mod tests;
mod unusual;
mod view;

use super::claim::Claim;
use super::link::{self, Link};
use crate::auth::{Job, Tenant};
use crate::id::{MessageId, OrgId};
use crate::{App, Error};
use db::Batch;
use futures::future::BoxFuture;
use std::time::Duration;
use subject::Subject;
use tokio::sync::Semaphore;

/// How long reading and drawing may take.
const TIME: Duration = Duration::from_secs(1);
/// Pictures that are drawn at the same time: a storm of alerts must not take the processor from its messages.
static DRAWING: Semaphore = Semaphore::const_new(2);

/// Turns an SVG into a PNG: with a heavy library, which only those link who send messages.
pub type Painter = fn(&str) -> Result<Vec<u8>, String>;

/// A picture that goes with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// 1600 x 800 pixels
    pub png: Vec<u8>,
    /// what it shows, for who cannot see it
    pub alt: String,
    /// where it is for a day, if the channel shows pictures by their URL and this installation has one
    pub url: Option<String>,
}

/// How a channel takes pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taking {
    /// not at all
    Never,
    /// with the message
    Attached,
    /// by a URL that its receiver fetches
    Linked,
}

/// Draws pictures with a painter. Who has none, as one that only tests channels, does not link what reads and explains a
/// series either: [`of`] is named in [`Illustrator::new`] alone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Illustrator {
    painter: Painter,
    draw: Draw,
}

type Draw = for<'a> fn(&'a App, Painter, &'a Claim, Taking) -> BoxFuture<'a, Option<Picture>>;

impl Illustrator {
    pub(super) fn new(painter: Painter) -> Self {
        Self { painter, draw: of }
    }

    /// The picture for a message, if it is about one series; `None` where there is none, or where it did
    /// not come about in time, which the log says.
    pub(super) async fn picture(&self, app: &App, claim: &Claim, taking: Taking) -> Option<Picture> {
        (self.draw)(app, self.painter, claim, taking).await
    }
}

fn of<'a>(app: &'a App, painter: Painter, claim: &'a Claim, taking: Taking) -> BoxFuture<'a, Option<Picture>> {
    let drawing = async move {
        match taking {
            Taking::Never => Ok(None),
            Taking::Attached => drawn(app, painter, claim).await,
            Taking::Linked if app.config.public_url.is_none() => Ok(None),
            Taking::Linked => match drawn(app, painter, claim).await? {
                Some(picture) => linked(app, claim, picture).await.map(Some),
                None => Ok(None),
            },
        }
    };
    Box::pin(async move {
        let reason = match tokio::time::timeout(TIME, drawing).await {
            Ok(Ok(picture)) => return picture,
            Ok(Err(reason)) => reason,
            Err(_) => "it took too long".into(),
        };
        tracing::warn!(
            message_id = claim.message_id,
            reason,
            "a message goes without its picture"
        );
        None
    })
}

fn system(app: &App, claim: &Claim) -> Tenant {
    app.system(Job::Deliver, OrgId::parse(&claim.org_id))
}

async fn drawn(app: &App, painter: Painter, claim: &Claim) -> Result<Option<Picture>, String> {
    let subject = Subject::read(&system(app, claim), &claim.message_id).await;
    let Some(subject) = subject.map_err(|error| error.to_string())? else {
        return Ok(None);
    };
    let turn = DRAWING.acquire().await.map_err(|error| error.to_string())?;
    // a thread of its own: what is on its way to other channels goes on
    let painted = tokio::task::spawn_blocking(move || {
        let chart = subject.chart();
        let alt = picture::alt(&chart);
        let png = painter(&picture::svg(&chart));
        // not before, even if nobody waits for it any more
        drop(turn);
        png.map(|png| Picture { png, alt, url: None })
    });
    painted.await.map_err(|error| error.to_string())?.map(Some)
}

/// Keeps the picture, and gives it a URL.
async fn linked(app: &App, claim: &Claim, picture: Picture) -> Result<Picture, String> {
    let ids = OrgId::parse(&claim.org_id).zip(MessageId::parse(&claim.message_id));
    let ((org, message), sealer, base) = match (ids, &app.sealer, &app.config.public_url) {
        (Some(ids), Some(sealer), Some(base)) => (ids, sealer, base),
        _ => return Err("there is no secret key to sign its link with".into()),
    };
    let keep = link::keep(&message, picture.png.clone(), app.clock.wall_offset());
    let kept = system(app, claim).run(Batch::write_one(keep).repeatable()).await;
    kept.map_err(|error| Error::from(error).to_string())?;
    let until = app.clock.wall() + link::KEPT;
    let token = Link::new(org, message, until).token(sealer);
    Ok(Picture {
        url: Some(format!("{base}/v1/pictures/{token}")),
        ..picture
    })
}
