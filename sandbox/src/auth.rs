//! Login tokens: JWTs in shape, for the two providers that hand them out.

use std::sync::atomic::Ordering;

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use serde::{Deserialize, Serialize};

use crate::context::{Context, Kind};
use crate::faults::Faults;
use crate::seed::Seed;

/// How long tokens are good for, in real milliseconds.
pub(crate) struct Lives {
    pub(crate) access: u64,
    pub(crate) refresh: u64,
}

/// Access tokens under the `expire` profile.
const SHORT_LIFE: u64 = 2_000;

pub(crate) struct Pair {
    pub(crate) access: String,
    pub(crate) refresh: String,
    /// Real milliseconds.
    pub(crate) access_life: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenFault {
    Missing,
    Invalid,
    Expired,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    token_type: String,
    /// Seconds since the epoch, as a JWT has it.
    exp: u64,
    iat: u64,
    jti: String,
    /// The same as `exp`, to the millisecond: a life of 2 s would else be anything from 1 to 2.
    exp_ms: u64,
}

const ACCESS: &str = "access";
const REFRESH: &str = "refresh";

/// Tokens for someone whose credentials were found right.
pub(crate) fn login(context: &Context, lives: &Lives) -> Pair {
    context.counters.logins.add();
    pair(context, lives)
}

/// New tokens for a refresh token.
pub(crate) fn refresh(context: &Context, lives: &Lives, token: &str) -> Result<Pair, TokenFault> {
    verify(context, REFRESH, token)?;
    if context.faults == Faults::Expire && !context.refresh_refused.swap(true, Ordering::SeqCst) {
        return Err(TokenFault::Expired);
    }
    context.counters.refreshes.add();
    Ok(pair(context, lives))
}

/// Whether `Authorization` has a bearer token that is good now.
pub(crate) fn check_bearer(context: &Context, headers: &HeaderMap) -> Result<(), TokenFault> {
    let value = headers.get(header::AUTHORIZATION).ok_or(TokenFault::Missing)?;
    let value = value.to_str().map_err(|_| TokenFault::Invalid)?;
    let (scheme, token) = value.split_once(' ').ok_or(TokenFault::Invalid)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(TokenFault::Invalid);
    }
    verify(context, ACCESS, token)
}

fn pair(context: &Context, lives: &Lives) -> Pair {
    let access_life = match context.faults {
        Faults::Expire => SHORT_LIFE.min(lives.access),
        _ => lives.access,
    };
    Pair { access: issue(context, ACCESS, access_life), refresh: issue(context, REFRESH, lives.refresh), access_life }
}

fn issue(context: &Context, token_type: &str, life: u64) -> String {
    let now = context.clock.real_epoch();
    let claims = Claims {
        token_type: token_type.to_owned(),
        exp: (now + life) / 1000,
        iat: now / 1000,
        jti: context.next(Kind::Token).uuid(),
        exp_ms: now + life,
    };
    let claims = serde_json::to_vec(&claims).unwrap_or_default();
    let header = BASE64.encode(br#"{"alg":"HS256","typ":"JWT"}"#);
    let signed = format!("{header}.{}", BASE64.encode(claims));
    let signature = BASE64.encode(sign(context.seed, &signed));
    format!("{signed}.{signature}")
}

/// Keyed by the seed, so that a token of another sandbox or another provider is refused. It is no cryptography.
fn sign(seed: Seed, signed: &str) -> String {
    seed.text("signature").text(signed).hex()
}

fn verify(context: &Context, token_type: &str, token: &str) -> Result<(), TokenFault> {
    let (signed, signature) = token.rsplit_once('.').ok_or(TokenFault::Invalid)?;
    if signature != BASE64.encode(sign(context.seed, signed)) {
        return Err(TokenFault::Invalid);
    }
    let (_, claims) = signed.split_once('.').ok_or(TokenFault::Invalid)?;
    let claims = BASE64.decode(claims).map_err(|_| TokenFault::Invalid)?;
    let claims: Claims = serde_json::from_slice(&claims).map_err(|_| TokenFault::Invalid)?;
    if claims.token_type != token_type {
        return Err(TokenFault::Invalid);
    }
    if context.clock.real_epoch() >= claims.exp_ms {
        return Err(TokenFault::Expired);
    }
    Ok(())
}
