//! What is logged.

use super::{Client, ClientError};
use crate::api::{
    call::Call,
    types::{LogStatus, NewLog},
};

impl Client {
    /// `GET /v1/log`
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn log(&self) -> Result<LogStatus, ClientError> {
        self.get("/v1/log").await
    }

    /// `PUT /v1/log`
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn set_log(&self, new: &NewLog) -> Result<LogStatus, ClientError> {
        self.announce(&Call::log(new)).await
    }

    /// `DELETE /v1/log`
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn reset_log(&self) -> Result<LogStatus, ClientError> {
        self.announce(&Call::log_as_usual()).await
    }
}
