//! Announcements, asked for and changed.

use serde::de::DeserializeOwned;

use super::{Client, ClientError, TIMEOUT};
use crate::api::{
    call::{Call, Segment, Terms},
    types::{AnnounceStatus, VipAnnouncement},
};

impl Client {
    /// `GET /v1/announcements`
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn announcements(&self) -> Result<AnnounceStatus, ClientError> {
        self.get("/v1/announcements").await
    }

    /// `GET /v1/vips/{vip}/announcement`
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn announcement(&self, vip: &str) -> Result<VipAnnouncement, ClientError> {
        self.get(&format!("/v1/vips/{}/announcement", Segment(vip))).await
    }

    /// Carries out a change of announcements, and says what it comes to.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn announce<T: DeserializeOwned>(&self, call: &Call) -> Result<T, ClientError> {
        self.exchange(&call.question(&Terms::default(), false), TIMEOUT).await?.accepted()?.json()
    }
}
