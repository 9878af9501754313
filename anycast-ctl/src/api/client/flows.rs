//! Flows: remembered ones, and what is measured of all.

use std::time::Duration;

use serde::de::DeserializeOwned;

use super::{Client, ClientError, LOADING};
use crate::api::{
    call::{Query, Question},
    types::{CatchmentStatus, FlowCounts, FlowsStatus, TopStatus},
};

impl Client {
    /// `GET /v1/flows`, with that query.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn flows(&self, query: &Query) -> Result<FlowsStatus, ClientError> {
        self.get(&format!("/v1/flows{query}")).await
    }

    /// `GET /v1/flows/count`, with that query.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn flow_counts(&self, query: &Query) -> Result<FlowCounts, ClientError> {
        self.get(&format!("/v1/flows/count{query}")).await
    }

    /// `POST /v1/flows/top`, with that query, which takes that long.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn top(&self, query: &Query, period: Duration) -> Result<TopStatus, ClientError> {
        self.measure(&format!("/v1/flows/top{query}"), period).await
    }

    /// `POST /v1/catchment`, with that query, which takes that long.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn measure_catchment(
        &self,
        query: &Query,
        period: Duration,
    ) -> Result<CatchmentStatus, ClientError> {
        self.measure(&format!("/v1/catchment{query}"), period).await
    }

    /// `GET /v1/catchment`
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn catchment(&self) -> Result<CatchmentStatus, ClientError> {
        self.get("/v1/catchment").await
    }

    async fn measure<T: DeserializeOwned>(&self, path: &str, period: Duration) -> Result<T, ClientError> {
        // It begins when the program that shows packets is loaded.
        self.exchange(&Question::post(path), LOADING + period).await?.accepted()?.json()
    }
}
