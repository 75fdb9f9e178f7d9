use super::*;

#[tokio::test]
async fn a_list_that_is_kept_can_be_read_here_and_has_no_name() {
    let list = Spooled::keep(Body::from("name,phone\n"), 100).await.expect("kept");
    assert_eq!(std::fs::read_to_string(list.path()).expect("read"), "name,phone\n");
    let named = std::fs::read_link(list.path()).expect("a link");
    assert!(named.to_string_lossy().ends_with("(deleted)") && !named.exists(), "{named:?}");
    assert!(Spooled::keep(Body::from("name,phone\n"), 5).await.is_err());
}
