//! The part of an adapter that is the same in each: a trait object cannot have `async fn`, so the
//! five questions that go over the network are forwarded to functions of the adapter's module.

/// Writes `place`, `look_up`, `hang_up`, `list` and `check` of an adapter as calls of the functions
/// of the same names and parameters in the module that it is used in.
macro_rules! forward_to_functions {
    () => {
        fn place<'a>(
            &'a self,
            http: &'a reqwest::Client,
            account: &'a $crate::provider::Account,
            placement: &'a $crate::provider::Placement,
        ) -> futures_util::future::BoxFuture<
            'a,
            Result<$crate::provider::Accepted, $crate::provider::PlaceError>,
        > {
            Box::pin(place(http, account, placement))
        }

        fn look_up<'a>(
            &'a self,
            http: &'a reqwest::Client,
            account: &'a $crate::provider::Account,
            sought: &'a $crate::provider::Sought,
        ) -> futures_util::future::BoxFuture<
            'a,
            Result<Vec<$crate::provider::Event>, $crate::provider::LookUpError>,
        > {
            Box::pin(look_up(http, account, sought))
        }

        fn hang_up<'a>(
            &'a self,
            http: &'a reqwest::Client,
            account: &'a $crate::provider::Account,
            provider_call_id: &'a str,
        ) -> futures_util::future::BoxFuture<'a, Result<(), $crate::provider::LookUpError>> {
            Box::pin(hang_up(http, account, provider_call_id))
        }

        fn list<'a>(
            &'a self,
            http: &'a reqwest::Client,
            account: &'a $crate::provider::Account,
            span: &'a $crate::provider::Span,
        ) -> futures_util::future::BoxFuture<
            'a,
            Result<$crate::provider::Page, $crate::provider::LookUpError>,
        > {
            Box::pin(list(http, account, span))
        }

        fn check<'a>(
            &'a self,
            http: &'a reqwest::Client,
            account: &'a $crate::provider::Account,
        ) -> futures_util::future::BoxFuture<'a, Result<String, $crate::provider::CheckError>> {
            Box::pin(check(http, account))
        }
    };
}
pub(super) use forward_to_functions;
