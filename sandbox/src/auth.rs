//! Access and refresh tokens in JWT format, for the two providers with a login.

use std::sync::atomic::Ordering;

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use serde::{Deserialize, Serialize};

use crate::context::{Context, SeedKind};
use crate::faults::Faults;
use crate::seed::Seed;

/// Lifetimes of a provider's tokens, in real milliseconds.
pub(crate) struct TokenLifetimes {
    pub(crate) access: u64,
    pub(crate) refresh: u64,
}

/// Lifetime of access tokens under [`Faults::Expire`], in real milliseconds.
const EXPIRE_ACCESS_LIFETIME: u64 = 2_000;

pub(crate) struct TokenPair {
    pub(crate) access: String,
    pub(crate) refresh: String,
    /// Lifetime of the access token, in real milliseconds.
    pub(crate) access_lifetime: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenError {
    Missing,
    Invalid,
    Expired,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    token_type: String,
    /// Seconds since the Unix epoch, as in every JWT.
    exp: u64,
    iat: u64,
    jti: String,
    /// `exp` in milliseconds: rounding to seconds would turn a lifetime of 2 s into 1 to 2 s.
    exp_ms: u64,
}

const ACCESS: &str = "access";
const REFRESH: &str = "refresh";

/// Issues tokens after a login; the caller has checked the credentials.
pub(crate) fn login(context: &Context, lifetimes: &TokenLifetimes) -> TokenPair {
    context.counters.logins.increment();
    issue_pair(context, lifetimes)
}

/// Issues new tokens in exchange for a valid refresh token.
pub(crate) fn refresh(context: &Context, lifetimes: &TokenLifetimes, token: &str) -> Result<TokenPair, TokenError> {
    verify(context, REFRESH, token)?;
    if context.faults == Faults::Expire && !context.refresh_rejected.swap(true, Ordering::SeqCst) {
        return Err(TokenError::Expired);
    }
    context.counters.refreshes.increment();
    Ok(issue_pair(context, lifetimes))
}

/// Checks that the `Authorization` header has a valid, unexpired bearer token.
pub(crate) fn check_bearer(context: &Context, headers: &HeaderMap) -> Result<(), TokenError> {
    let value = headers.get(header::AUTHORIZATION).ok_or(TokenError::Missing)?;
    let value = value.to_str().map_err(|_| TokenError::Invalid)?;
    let (scheme, token) = value.split_once(' ').ok_or(TokenError::Invalid)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(TokenError::Invalid);
    }
    verify(context, ACCESS, token)
}

fn issue_pair(context: &Context, lifetimes: &TokenLifetimes) -> TokenPair {
    let access_lifetime = match context.faults {
        Faults::Expire => EXPIRE_ACCESS_LIFETIME.min(lifetimes.access),
        _ => lifetimes.access,
    };
    TokenPair {
        access: issue_token(context, ACCESS, access_lifetime),
        refresh: issue_token(context, REFRESH, lifetimes.refresh),
        access_lifetime,
    }
}

fn issue_token(context: &Context, token_type: &str, lifetime: u64) -> String {
    let now = context.clock.unix_millis();
    let claims = Claims {
        token_type: token_type.to_owned(),
        exp: (now + lifetime) / 1000,
        iat: now / 1000,
        jti: context.next_seed(SeedKind::Token).uuid(),
        exp_ms: now + lifetime,
    };
    let claims = serde_json::to_vec(&claims).unwrap_or_default();
    let header = BASE64.encode(br#"{"alg":"HS256","typ":"JWT"}"#);
    let signed = format!("{header}.{}", BASE64.encode(claims));
    let signature = BASE64.encode(sign(context.seed, &signed));
    format!("{signed}.{signature}")
}

/// Returns a signature keyed by the seed; it is not cryptographic.
///
/// The key makes a provider reject the tokens of another sandbox or another provider.
fn sign(seed: Seed, signed: &str) -> String {
    seed.derive("signature").derive(signed).hex()
}

fn verify(context: &Context, token_type: &str, token: &str) -> Result<(), TokenError> {
    let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Invalid)?;
    if signature != BASE64.encode(sign(context.seed, signed)) {
        return Err(TokenError::Invalid);
    }
    let (_, claims) = signed.split_once('.').ok_or(TokenError::Invalid)?;
    let claims = BASE64.decode(claims).map_err(|_| TokenError::Invalid)?;
    let claims: Claims = serde_json::from_slice(&claims).map_err(|_| TokenError::Invalid)?;
    if claims.token_type != token_type {
        return Err(TokenError::Invalid);
    }
    if context.clock.unix_millis() >= claims.exp_ms {
        return Err(TokenError::Expired);
    }
    Ok(())
}
