//! How every change is carried out and answered.

use std::time::Duration;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use tokio::time::timeout;

use super::{
    refusal::Refusal,
    request::{Order, Proposal, Request, Shown},
    router::Api,
    terms::Terms,
    types::Committed,
};
use crate::model::{Edit, diff::Subject};

/// What came of a proposal.
pub enum Outcome {
    /// Nothing: the plan, answered.
    Planned(Response),
    /// It was carried out.
    Done(StatusCode, Committed),
}

impl Outcome {
    /// An answer with a body of its own.
    pub fn answer(code: StatusCode, revision: u64, body: impl IntoResponse) -> Response {
        (code, tagged(revision, body)).into_response()
    }
}

impl Api {
    /// Carries out an edit, and answers with the thing as it stands then: 201 if it was `created`, else 200, or 202 when it
    /// was waited for in vain. A thing that has no status, or whose status cannot be read at the moment, is answered with what
    /// came of the edit. A dry run answers with the plan.
    ///
    /// # Errors
    ///
    /// As the controller refuses it.
    pub async fn edit(&self, edit: Edit, subject: Subject, terms: Terms) -> Result<Response, Refusal> {
        self.carry_out(Proposal::Edit(edit), subject, terms).await
    }

    /// The same for any proposal.
    ///
    /// # Errors
    ///
    /// As the controller refuses it.
    pub async fn carry_out(
        &self,
        proposal: Proposal,
        subject: Subject,
        terms: Terms,
    ) -> Result<Response, Refusal> {
        match self.propose(proposal, terms).await? {
            Outcome::Planned(plan) => Ok(plan),
            Outcome::Done(code, committed) => {
                let shown = self.ask(|reply| Request::Show(subject, reply)).await;
                Ok((code, answer(committed, shown.unwrap_or_else(unshown))).into_response())
            }
        }
    }

    /// Carries out a proposal, for a handler that has an answer of its own.
    ///
    /// # Errors
    ///
    /// As the controller refuses it.
    pub async fn propose(&self, proposal: Proposal, terms: Terms) -> Result<Outcome, Refusal> {
        let Terms { dry_run, wait, expected, author } = terms;
        let created = match &proposal {
            Proposal::Edit(edit) => edit.adds(),
            Proposal::Mark { .. } => false,
        };
        let order = Order { proposal, expected, author, applied_file: None };
        if dry_run {
            let plan = self.ask(|reply| Request::Plan(order, reply)).await?;
            let revision = plan.revision;
            return Ok(Outcome::Planned(tagged(revision, Json(plan))));
        }
        let committed = self.ask(|reply| Request::Change(order, reply)).await?;
        let in_time = match wait {
            Some(wait) => self.wait_for(committed.revision, wait).await,
            None => true,
        };
        let code = match (in_time, created) {
            (false, _) => StatusCode::ACCEPTED,
            (true, true) => StatusCode::CREATED,
            (true, false) => StatusCode::OK,
        };
        Ok(Outcome::Done(code, committed))
    }

    /// Waits until the dataplane has a revision.
    async fn wait_for(&self, revision: u64, wait: Duration) -> bool {
        let mut progress = self.link.progress.clone();
        timeout(wait, progress.wait_for(|progress| progress.has(revision))).await.is_ok_and(|it| it.is_ok())
    }
}

/// The change is made: who is told of a failure would make it again.
fn unshown(refusal: Refusal) -> Shown {
    tracing::warn!("what was changed cannot be shown: {refusal}");
    Shown::Nothing
}

fn answer(committed: Committed, shown: Shown) -> Response {
    let revision = committed.revision;
    match shown {
        Shown::Vip(vip) => tagged(revision, Json(vip)),
        Shown::Pool(pool) => tagged(revision, Json(pool)),
        Shown::Backend(backend) => tagged(revision, Json(backend)),
        Shown::Nothing => tagged(revision, Json(committed)),
    }
}

/// With the revision as the entity tag.
pub fn tagged(revision: u64, body: impl IntoResponse) -> Response {
    let mut response = body.into_response();
    if let Ok(tag) = HeaderValue::try_from(format!("\"{revision}\"")) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}
