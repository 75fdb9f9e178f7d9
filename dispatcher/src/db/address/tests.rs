use super::*;
use tokio_postgres::config::Host;

fn servers(url: &str) -> Vec<(Vec<Host>, Vec<u16>, TargetSessionAttrs)> {
    let address = Address::for_writing(url, Duration::from_secs(1)).expect("a good URL");
    let told = |config: &Config| {
        (
            config.get_hosts().to_vec(),
            config.get_ports().to_vec(),
            config.get_target_session_attrs(),
        )
    };
    address.servers.iter().map(told).collect()
}

#[test]
fn each_server_of_a_url_is_tried_by_itself() {
    let read_write = TargetSessionAttrs::ReadWrite;
    let tcp = |host: &str| vec![Host::Tcp(host.to_owned())];
    assert_eq!(
        servers("postgres://u:p@a:1,b:2/db"),
        [(tcp("a"), vec![1], read_write), (tcp("b"), vec![2], read_write)]
    );
    assert_eq!(
        servers("host=a,b port=7 user=u"),
        [(tcp("a"), vec![7], read_write), (tcp("b"), vec![7], read_write)]
    );
    assert_eq!(servers("postgres://u@a/db"), [(tcp("a"), vec![5432], read_write)]);
}
