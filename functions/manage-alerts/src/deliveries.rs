//! `/v1/deliveries`.

use axum::Json;
use intentvision::Error;
use intentvision::auth::Scope;
use intentvision::http::page::Page;
use intentvision::http::query::Query;
use intentvision::http::{Caller, Routes};
use intentvision::id::{AlertId, ChannelId, MessageId};
use intentvision::notify::history::{self, DeliveryItem, Filter, State};

pub(crate) fn routes() -> Routes {
    Routes::new().get("/v1/deliveries", Scope::AlertsRead, list)
}

async fn list(caller: Caller, mut query: Query) -> Result<Json<Page<DeliveryItem>>, Error> {
    let filter = Filter {
        message_id: query.take_parsed("message_id", "the id of a message", MessageId::parse)?,
        channel_id: query.take_parsed("channel_id", "the id of a channel", ChannelId::parse)?,
        alert_id: query.take_parsed("alert_id", "the id of an alert", AlertId::parse)?,
        state: query.take_parsed(
            "state",
            "pending, delivered, superseded, recorded or dead",
            State::parse,
        )?,
    };
    let (limit, cursor) = query.take_page()?;
    query.finish()?;
    Ok(Json(history::list(&caller, &filter, limit, cursor.as_ref()).await?))
}
