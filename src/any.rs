//! The client of any of the providers, chosen at run time.

use std::env;

#[cfg(feature = "check")]
use bulkrail_core::check::{CheckOptions, CheckReport};
use bulkrail_core::http::{Environment, HttpOptions, ProviderClient, Upload};
use bulkrail_core::time::Clock;
use bulkrail_core::{
    Batch, Error, ErrorKind, PollLimit, PollingDefaults, Provider, ProviderId, Reconciliation, Recovery, Report,
    Snapshot, SubmittedRows, Wait,
};
use secrecy::SecretString;

#[cfg(feature = "cdq")]
use crate::cdq;
#[cfg(feature = "killb")]
use crate::killb;
#[cfg(feature = "localpayment")]
use crate::localpayment;
#[cfg(feature = "reap")]
use crate::reap;
use crate::submission::{FileFormat, SubmitOptions};

/// Client of any of the providers whose features are enabled. Cheap to clone.
///
/// It has the calls that all providers have in common; each variant has those of its provider.
///
/// ```no_run
/// # async fn example() -> Result<(), bulkrail::Error> {
/// use bulkrail::{AnyClient, FileFormat, SubmitOptions, Upload};
/// use bulkrail::http::HttpOptions;
///
/// let client = AnyClient::from_env(&"reap".parse()?, HttpOptions::default())?;
/// let file = Upload::from_path("import.csv");
/// for submission in client.prepare(Some(file), Some(FileFormat::Csv), &SubmitOptions::default()).await? {
///     let batch = client.submit(&submission).await?;
///     let report = client.wait(batch).await?;
///     let report = client.reconcile_report(report, Some(submission.rows())).await?;
///     println!("{:?}", report.outcome());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum AnyClient {
    /// Client of KillB.
    #[cfg(feature = "killb")]
    Killb(killb::Client),
    /// Client of Reap.
    #[cfg(feature = "reap")]
    Reap(reap::Client),
    /// Client of CDQ.
    #[cfg(feature = "cdq")]
    Cdq(cdq::Client),
    /// Client of Localpayment.
    #[cfg(feature = "localpayment")]
    Localpayment(localpayment::Client),
}

/// Runs an expression with the client of whichever provider.
macro_rules! with_client {
    ($any:expr, $client:ident => $result:expr) => {
        match $any {
            #[cfg(feature = "killb")]
            AnyClient::Killb($client) => $result,
            #[cfg(feature = "reap")]
            AnyClient::Reap($client) => $result,
            #[cfg(feature = "cdq")]
            AnyClient::Cdq($client) => $result,
            #[cfg(feature = "localpayment")]
            AnyClient::Localpayment($client) => $result,
        }
    };
}

impl AnyClient {
    /// Returns the client of `provider`, with credentials from its environment variables.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] for another provider, [`ErrorKind::Configuration`] when credentials are missing (their
    /// variables are named) or the client cannot be set up.
    pub fn from_env(provider: &ProviderId, options: HttpOptions) -> Result<Self, Error> {
        Self::from_variables(provider, bulkrail_core::http::env_secret, options)
    }

    /// Returns the client of `provider`, with credentials of a store of your own: `secret` returns the secret of a
    /// variable's name, as [`AnyClient::from_env`] reads it.
    ///
    /// ```no_run
    /// use bulkrail::AnyClient;
    /// use bulkrail::http::HttpOptions;
    ///
    /// let secret = |name: &str| (name == "REAP_API_KEY").then(|| "my-key".to_owned().into());
    /// let client = AnyClient::from_variables(&"reap".parse()?, secret, HttpOptions::default())?;
    /// # Ok::<(), bulkrail::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`AnyClient::from_env`].
    pub fn from_variables(
        provider: &ProviderId,
        secret: impl Fn(&str) -> Option<SecretString>,
        options: HttpOptions,
    ) -> Result<Self, Error> {
        fn build<C: ProviderClient>(
            credentials: Result<C::Credentials, Error>,
            options: HttpOptions,
        ) -> Result<C, Error> {
            bulkrail_core::http::ClientBuilder::new().credentials(credentials?).options(options).build()
        }
        match provider.as_str() {
            #[cfg(feature = "killb")]
            "killb" => build(killb::Credentials::from_variables(secret), options).map(Self::Killb),
            #[cfg(feature = "reap")]
            "reap" => build(reap::Credentials::from_variables(secret), options).map(Self::Reap),
            #[cfg(feature = "cdq")]
            "cdq" => build(cdq::Credentials::from_variables(secret), options).map(Self::Cdq),
            #[cfg(feature = "localpayment")]
            "localpayment" => build(localpayment::Credentials::from_variables(secret), options).map(Self::Localpayment),
            _ => {
                let reason = format!("the provider {provider} is unknown; known are {}", Self::PROVIDERS.join(", "));
                Err(Error::new(ErrorKind::Usage, reason))
            }
        }
    }

    /// Names of the providers whose features are enabled.
    pub const PROVIDERS: &[&str] = &[
        #[cfg(feature = "killb")]
        "killb",
        #[cfg(feature = "reap")]
        "reap",
        #[cfg(feature = "cdq")]
        "cdq",
        #[cfg(feature = "localpayment")]
        "localpayment",
    ];

    /// Returns the name of the environment variable that has the base URL of `provider`.
    ///
    /// ```
    /// use bulkrail::{AnyClient, ProviderId};
    ///
    /// assert_eq!(AnyClient::base_url_variable(&ProviderId::from_static("reap")), "REAP_BASE_URL");
    /// ```
    #[must_use]
    pub fn base_url_variable(provider: &ProviderId) -> String {
        format!("{}_BASE_URL", provider.as_str().to_ascii_uppercase())
    }

    /// Returns the environment that the [variable](Self::base_url_variable) of `provider` sets, if it is set.
    #[must_use]
    pub fn environment_from_env(provider: &ProviderId) -> Option<Environment> {
        let url = env::var_os(Self::base_url_variable(provider)).filter(|url| !url.is_empty())?;
        // What is not Unicode is not a URL either; building the client reports it.
        Some(Environment::Custom(url.to_string_lossy().into_owned()))
    }

    /// Returns the environment that requests go to, as [`Batch::environment`] has it.
    ///
    /// Known before a batch is submitted, for a record of what is about to be sent.
    #[must_use]
    pub fn environment(&self) -> &str {
        with_client!(self, client => client.environment())
    }

    /// Checks that `batch` is of this client's provider and environment. Nothing is sent; each call for a batch does it
    /// first, too.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] when it is not.
    pub fn check_batch(&self, batch: &Batch) -> Result<(), Error> {
        with_client!(self, client => client.check_batch(batch))
    }

    /// Checks a file and returns its submissions: one, or several where the provider limits their size.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] when the file breaks a rule; row and column are named, and nothing was sent.
    pub async fn prepare(
        &self,
        file: Option<Upload>,
        format: Option<FileFormat>,
        options: &SubmitOptions,
    ) -> Result<Vec<AnySubmission>, Error> {
        AnySubmission::prepare(&self.id(), file, format, options).await
    }

    /// Checks a file as far as possible before it is sent; see [`AnySubmission::check`].
    ///
    /// # Errors
    ///
    /// As for [`AnySubmission::check`].
    #[cfg(feature = "check")]
    pub async fn check(
        &self,
        file: Upload,
        format: Option<FileFormat>,
        submit: &SubmitOptions,
        options: &CheckOptions,
    ) -> Result<CheckReport, Error> {
        AnySubmission::check(&self.id(), file, format, submit, options).await
    }

    /// Submits a prepared batch.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutcomeUnknown`] when the response was lost: the batch may exist. [`ErrorKind::Conflict`] when the
    /// provider has a batch with this key. [`ErrorKind::Usage`] when it was prepared for another provider.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: when the future is dropped, the batch may exist. A handler that is dropped with its connection
    /// spawns the submit: `tokio::spawn(async move { client.submit(&submission).await }).await`.
    pub async fn submit(&self, submission: &AnySubmission) -> Result<Batch, Error> {
        match (self, submission) {
            #[cfg(feature = "killb")]
            (Self::Killb(client), AnySubmission::Killb(submission)) => client.submit(submission).await,
            #[cfg(feature = "reap")]
            (Self::Reap(client), AnySubmission::Reap(submission)) => client.submit(submission).await,
            #[cfg(feature = "cdq")]
            (Self::Cdq(client), AnySubmission::Cdq(submission)) => client.submit(submission).await,
            #[cfg(feature = "localpayment")]
            (Self::Localpayment(client), AnySubmission::Localpayment(submission)) => client.submit(submission).await,
            // With one provider only there is no other pair.
            #[expect(clippy::allow_attributes, reason = "unreachable with one feature, reachable with two")]
            #[allow(unreachable_patterns)]
            _ => Err(other_provider(&self.id())),
        }
    }

    /// Returns what may be done about a submit whose process ended before it had the response; see `recovery` of each
    /// client.
    ///
    /// `key` is [`AnySubmission::key`], saved before the submit.
    ///
    /// ```
    /// # fn example(client: &bulkrail::AnyClient, saved: Option<&str>) {
    /// use bulkrail::Recovery;
    ///
    /// match client.recovery(saved) {
    ///     Recovery::SendAgain => println!("submit the same file again, with the same key"),
    ///     Recovery::LookUp(batch) => println!("poll {batch}"),
    ///     Recovery::Never => println!("find out at the provider whether it exists"),
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn recovery(&self, key: Option<&str>) -> Recovery {
        with_client!(self, client => client.recovery(key))
    }

    /// Polls `batch` until it ends; see [`Wait`].
    pub fn wait(&self, batch: Batch) -> Wait<'static> {
        bulkrail_core::wait(self.clone(), batch)
    }

    /// Reads the outcome of every row; see `reconcile` of each client.
    ///
    /// # Errors
    ///
    /// Every permanent error, and a transient one that lasts longer than
    /// [`READ_RETRIES`](bulkrail_core::http::READ_RETRIES); [`ErrorKind::Usage`] for Reap without `submitted`.
    pub async fn reconcile(&self, batch: &Batch, submitted: Option<&SubmittedRows>) -> Result<Reconciliation, Error> {
        with_client!(self, client => client.reconcile(batch, submitted).await)
    }

    /// Reads the outcome of every row, and returns `report` with them and with the outcome that follows.
    ///
    /// # Errors
    ///
    /// As for [`AnyClient::reconcile`].
    pub async fn reconcile_report(&self, report: Report, submitted: Option<&SubmittedRows>) -> Result<Report, Error> {
        let reconciliation = self.reconcile(&report.batch, submitted).await?;
        Ok(report.reconciled(reconciliation))
    }
}

impl Provider for AnyClient {
    fn id(&self) -> ProviderId {
        with_client!(self, client => client.id())
    }

    async fn poll(&self, batch: &Batch) -> Result<Snapshot, Error> {
        with_client!(self, client => client.poll(batch).await)
    }

    fn polling_defaults(&self) -> PollingDefaults {
        with_client!(self, client => client.polling_defaults())
    }

    fn poll_limit(&self) -> Option<PollLimit> {
        with_client!(self, client => client.poll_limit())
    }

    fn clock(&self) -> Clock {
        with_client!(self, client => client.clock())
    }
}

#[cfg(feature = "killb")]
impl From<killb::Client> for AnyClient {
    fn from(client: killb::Client) -> Self {
        Self::Killb(client)
    }
}

#[cfg(feature = "reap")]
impl From<reap::Client> for AnyClient {
    fn from(client: reap::Client) -> Self {
        Self::Reap(client)
    }
}

#[cfg(feature = "cdq")]
impl From<cdq::Client> for AnyClient {
    fn from(client: cdq::Client) -> Self {
        Self::Cdq(client)
    }
}

#[cfg(feature = "localpayment")]
impl From<localpayment::Client> for AnyClient {
    fn from(client: localpayment::Client) -> Self {
        Self::Localpayment(client)
    }
}

/// A checked batch of any of the providers, ready to be submitted.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum AnySubmission {
    /// Batch of KillB.
    #[cfg(feature = "killb")]
    Killb(killb::Submission),
    /// Batch of Reap.
    #[cfg(feature = "reap")]
    Reap(reap::Submission),
    /// Confirmation of CDQ.
    #[cfg(feature = "cdq")]
    Cdq(cdq::Submission),
    /// Batch of Localpayment.
    #[cfg(feature = "localpayment")]
    Localpayment(localpayment::Submission),
}

impl AnySubmission {
    /// Checks a file for `provider`, and returns its submissions. No client is needed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] when the file breaks a rule (row and column are named), or for another provider.
    pub async fn prepare(
        provider: &ProviderId,
        file: Option<Upload>,
        format: Option<FileFormat>,
        options: &SubmitOptions,
    ) -> Result<Vec<Self>, Error> {
        fn any<T>(submissions: Vec<T>, variant: fn(T) -> AnySubmission) -> Vec<AnySubmission> {
            submissions.into_iter().map(variant).collect()
        }
        match provider.as_str() {
            #[cfg(feature = "killb")]
            "killb" => Ok(any(killb::Submission::prepare(file, format, options).await?, Self::Killb)),
            #[cfg(feature = "reap")]
            "reap" => Ok(any(reap::Submission::prepare(file, format, options).await?, Self::Reap)),
            #[cfg(feature = "cdq")]
            "cdq" => Ok(any(cdq::Submission::prepare(file, format, options).await?, Self::Cdq)),
            #[cfg(feature = "localpayment")]
            "localpayment" => {
                Ok(any(localpayment::Submission::prepare(file, format, options).await?, Self::Localpayment))
            }
            _ => Err(other_provider(provider)),
        }
    }

    /// Checks a file for `provider` as far as possible before it is sent. No client is needed.
    ///
    /// Errors in the report are what [`AnySubmission::prepare`] refuses, all of them instead of the first. Warnings are what
    /// the provider may refuse later: missing fields of a kind of account, check digits and formats of public standards,
    /// repeated accounts, and values that a spreadsheet has damaged. A report holds values only if `options` asks for them.
    ///
    /// ```
    /// # async fn example() -> Result<(), bulkrail::Error> {
    /// use bulkrail::check::CheckOptions;
    /// use bulkrail::{AnySubmission, FileFormat, SubmitOptions};
    ///
    /// let csv = "International Account ID\nDE89370400440532013000\nDE89370400440532013001\n";
    /// let report = AnySubmission::check(
    ///     &"cdq".parse()?,
    ///     csv.into(),
    ///     Some(FileFormat::Csv),
    ///     &SubmitOptions::default(),
    ///     &CheckOptions::default(),
    /// )
    /// .await?;
    /// assert_eq!((report.rows, report.summary().as_str()), (2, "1 warning (iban-check-digits 1)"));
    /// assert_eq!((report.findings[0].row, report.findings[0].rule), (Some(3), "iban-check-digits"));
    /// # Ok(())
    /// # }
    /// # let mut example = std::pin::pin!(example());
    /// # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    /// # let std::task::Poll::Ready(Ok(())) = example.as_mut().poll(&mut context) else { panic!("the example fails") };
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] when the file cannot be read or has a format that the provider does not take, for options that it
    /// does not have, or for another provider. KillB's files need the feature `xlsx`.
    #[cfg(feature = "check")]
    pub async fn check(
        provider: &ProviderId,
        file: Upload,
        format: Option<FileFormat>,
        submit: &SubmitOptions,
        options: &CheckOptions,
    ) -> Result<CheckReport, Error> {
        match provider.as_str() {
            #[cfg(all(feature = "killb", feature = "xlsx"))]
            "killb" => killb::Submission::check(file, format, submit, options).await,
            #[cfg(all(feature = "killb", not(feature = "xlsx")))]
            "killb" => {
                let _ = (file, format, submit, options);
                let reason = "files for killb are checked with the feature `xlsx`";
                Err(Error::new(ErrorKind::Usage, reason).with_provider(killb::PROVIDER))
            }
            #[cfg(feature = "reap")]
            "reap" => reap::Submission::check(file, format, submit, options).await,
            #[cfg(feature = "cdq")]
            "cdq" => cdq::Submission::check(file, format, submit, options).await,
            #[cfg(feature = "localpayment")]
            "localpayment" => localpayment::Submission::check(file, format, submit, options).await,
            _ => Err(other_provider(provider)),
        }
    }

    /// Returns the rows of `file` that became `batch`, to [reconcile](AnyClient::reconcile) it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] when the file breaks a rule, or for CDQ, whose batches have no rows.
    pub async fn rows_of_file(batch: &Batch, file: Upload, format: Option<FileFormat>) -> Result<SubmittedRows, Error> {
        match batch.provider().as_str() {
            #[cfg(feature = "localpayment")]
            "localpayment" => localpayment::Submission::rows_of_file(file, format, batch.id()).await,
            #[cfg(all(feature = "killb", feature = "xlsx"))]
            "killb" => killb::Submission::rows_of_file(file, format).await,
            #[cfg(feature = "cdq")]
            "cdq" => {
                let reason = "batches of cdq have no rows to reconcile";
                Err(Error::new(ErrorKind::Usage, reason).with_provider(cdq::PROVIDER))
            }
            _ => {
                let prepared = Self::prepare(batch.provider(), Some(file), format, &SubmitOptions::default()).await?;
                Ok(prepared.first().map(|submission| submission.rows().clone()).unwrap_or_default())
            }
        }
    }

    /// Returns the rows of the batch.
    #[must_use]
    pub fn rows(&self) -> &SubmittedRows {
        match self {
            #[cfg(feature = "killb")]
            Self::Killb(submission) => submission.rows(),
            #[cfg(feature = "reap")]
            Self::Reap(submission) => submission.rows(),
            #[cfg(feature = "cdq")]
            Self::Cdq(submission) => submission.rows(),
            #[cfg(feature = "localpayment")]
            Self::Localpayment(submission) => submission.rows(),
        }
    }

    /// Returns what may not work as intended, although the file breaks no rule: one sentence each, without values.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        match self {
            #[cfg(feature = "reap")]
            Self::Reap(submission) => submission.warnings(),
            #[cfg(any(feature = "killb", feature = "cdq", feature = "localpayment"))]
            _ => Vec::new(),
        }
    }

    /// Returns the idempotency key (Reap) or own reference (Localpayment) that the batch is submitted under.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        match self {
            #[cfg(feature = "killb")]
            Self::Killb(_) => None,
            #[cfg(feature = "reap")]
            Self::Reap(submission) => Some(submission.key()),
            #[cfg(feature = "cdq")]
            Self::Cdq(_) => None,
            #[cfg(feature = "localpayment")]
            Self::Localpayment(submission) => Some(submission.key()),
        }
    }

    /// Returns the batch, where its id is known before it is submitted (Localpayment).
    #[must_use]
    pub fn batch(&self) -> Option<Batch> {
        match self {
            #[cfg(feature = "localpayment")]
            Self::Localpayment(submission) => {
                let batch = Batch::new(localpayment::PROVIDER, submission.key()).ok()?;
                Some(batch.with_key(submission.key()))
            }
            #[cfg(any(feature = "killb", feature = "reap", feature = "cdq"))]
            _ => None,
        }
    }
}

fn other_provider(provider: &ProviderId) -> Error {
    Error::new(ErrorKind::Usage, format!("the submission is not for {provider}"))
}
