//! temporary
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().init();
    let args: Vec<String> = std::env::args().collect();
    let site = anycast_ctl::config::load(args[1].as_ref())?;
    anycast_ctl::controller::run(
        site,
        anycast_ctl::controller::RunOptions { socket: args[2].clone().into(), xdp_mode: None },
    )
    .await
}
