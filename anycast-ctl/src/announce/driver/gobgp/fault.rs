//! What goes wrong in a call, told apart by whom it concerns.

use std::{error::Error, io, iter::successors};

use tonic::{Code, Status};

use super::{super::DriverError, endpoint::Endpoint};
use crate::spelling::quoted;

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection is of no use any more.
    Lost(DriverError),
    /// gobgpd said no to this call, in its own words.
    Said(String),
}

impl Fault {
    /// Judges how a call ended.
    pub fn new(endpoint: &Endpoint, method: &str, status: &Status) -> Self {
        if let Some(error) = status.source() {
            return Self::Lost(transport(endpoint, error));
        }
        let words = quoted(status.message());
        let lost = match status.code() {
            Code::Unimplemented => DriverError::Refused(format!(
                "gobgpd at {endpoint} does not know {method} ({words}): this driver speaks the interface of GoBGP 3, apipb; \
                 see `gobgpd --version`"
            )),
            Code::PermissionDenied | Code::Unauthenticated => DriverError::Refused(format!(
                "gobgpd at {endpoint} does not let this daemon call {method}: {words}: give an endpoint that asks for no \
                 credentials"
            )),
            // These are tonic's own words for an answer that it cannot read.
            Code::Internal | Code::OutOfRange | Code::DataLoss => DriverError::Garbled(format!(
                "gobgpd at {endpoint} answered {method} with what is no answer to it ({words}): see that it is GoBGP 3 that \
                 listens there"
            )),
            Code::Unavailable => DriverError::Unreachable(format!(
                "gobgpd at {endpoint} is not ready for {method}: {words}: see its log"
            )),
            Code::Ok
            | Code::Cancelled
            | Code::Unknown
            | Code::InvalidArgument
            | Code::DeadlineExceeded
            | Code::NotFound
            | Code::AlreadyExists
            | Code::ResourceExhausted
            | Code::FailedPrecondition
            | Code::Aborted => return Self::Said(format!("gobgpd answered {method} with {words}")),
        };
        Self::Lost(lost)
    }

    /// As of a call that is about no route in particular.
    pub fn of_all(self) -> DriverError {
        match self {
            Self::Lost(error) => error,
            Self::Said(words) => DriverError::Refused(format!("{words}: see its log")),
        }
    }
}

/// What is wrong with the connection itself: either it is gone, or what is at its other end does not speak HTTP/2.
pub fn transport(endpoint: &Endpoint, error: &(dyn Error + 'static)) -> DriverError {
    let causes = || successors(Some(error), |error: &&(dyn Error + 'static)| (*error).source());
    let root = causes().last().map(ToString::to_string).unwrap_or_default();
    let h2 = causes().find_map(|cause| cause.downcast_ref::<h2::Error>());
    let is_garbled = h2.is_some_and(|error| !error.is_io() && !error.is_remote())
        || causes()
            .filter_map(|cause| cause.downcast_ref::<io::Error>())
            .any(|error| error.kind() == io::ErrorKind::InvalidData);
    if is_garbled {
        return DriverError::Garbled(format!(
            "what listens at {endpoint} does not speak HTTP/2 ({root}): give the address of gobgpd's --api-hosts as the \
             endpoint in [announce.gobgp]"
        ));
    }
    DriverError::Unreachable(format!(
        "gobgpd at {endpoint} hung up ({root}): see whether it runs (`gobgp global`), and its log"
    ))
}
