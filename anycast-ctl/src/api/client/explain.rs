//! What the loaded program would do with a packet.

use super::{Client, ClientError, LOADING};
use crate::api::{
    call::{Query, Question},
    types::{ExplainQuestion, ExplainWay, Explanation},
};

impl Client {
    /// `GET /v1/explain`
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn explain(&self, question: &ExplainQuestion) -> Result<Explanation, ClientError> {
        let question = Question::get(&format!("/v1/explain{}", Query::of(question)));
        self.exchange(&question, LOADING).await?.accepted()?.json()
    }

    /// `POST /v1/explain`
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn explain_frame(&self, frame: Vec<u8>, way: &ExplainWay) -> Result<Explanation, ClientError> {
        let question = Question::post(&format!("/v1/explain{}", Query::of(way)));
        self.exchange(&question.with_bytes(frame), LOADING).await?.accepted()?.json()
    }
}
