//! Asks the machine, once.

use std::{fs, path::Path};

use nix::unistd::AccessFlags;

use super::{
    DoctorError, Options,
    facts::{Daemon, Device, Facts, Instance, SiteFile},
};
use crate::{
    api::{
        client::{Client, ClientError},
        types::Status,
    },
    config,
    health::path::takes_own_source,
    host::{Network, greater, own},
    interface::{Interface, program_name},
    preflight::Surroundings,
};

mod ethtool;
mod kernel;
mod links;
mod procfs;
mod xdp_features;

/// Everything the judge is told.
pub async fn gather(options: &Options) -> Result<Facts, DoctorError> {
    let client = Client::new(&options.socket);
    let status = client.status().await;
    let mut site = options.config.as_deref().map(|path| {
        config::load(path).map_err(|error| SiteFile { path: path.to_owned(), problem: error.to_string() })
    });
    if site.is_none() && status.is_ok() {
        site = client.site().await.ok().map(Ok);
    }
    let pid = status.as_ref().ok().map(|status| status.pid);
    let interfaces = Interface::list().await?;
    let network = Network::gather(&interfaces).await?;

    let mut names = options.interfaces.clone();
    match (&site, &status) {
        (Some(Ok(site)), _) => names.extend(site.interfaces.iter().cloned()),
        (_, Ok(status)) => names.extend(status.interfaces.iter().map(|interface| interface.name.clone())),
        (Some(Err(_)) | None, Err(_)) => {}
    }
    let (mut devices, mut missing) = (Vec::new(), Vec::new());
    let relations = links::gather().await?;
    for name in names {
        let found = interfaces.iter().find(|it| it.name == name || it.alternative_names.contains(&name));
        let Some(interface) = found else {
            missing.push(name);
            continue;
        };
        if devices.iter().all(|device: &Device| device.interface.index != interface.index) {
            devices.push(device(interface, &relations, status.as_ref().ok(), options));
        }
    }
    Ok(Facts {
        surroundings: Surroundings::gather()?,
        kernel: kernel::gather(),
        limits: procfs::limits(pid),
        instance: instance(options, status),
        site,
        devices,
        missing,
        existing: interfaces.into_iter().map(|interface| interface.name).collect(),
        network,
    })
}

fn device(
    interface: &Interface,
    relations: &links::Relations,
    status: Option<&Status>,
    options: &Options,
) -> Device {
    let name = interface.name.as_str();
    let told = ethtool::Ethtool::of(name);
    let steered = status.and_then(|status| status.interfaces.iter().find(|it| it.index == interface.index));
    let pinned =
        pinned_program(options).is_some_and(|id| interface.xdp.is_some_and(|xdp| xdp.program_id == id));
    let attached = interface.xdp.filter(|_| pinned || steered.is_some_and(|it| it.present));
    Device {
        program: interface.xdp.and_then(|xdp| program_name(xdp.program_id)),
        attached: attached.map(|xdp| xdp.mode),
        driver: told.driver(),
        features: xdp_features::of(interface.index),
        tx_queues: relations.tx_queues(interface.index),
        channels: told.channels(),
        lro: told.lro(),
        gro: told.gro(),
        strips_vlan: told.strips_vlan(),
        vlans: relations.vlans_on(interface.index),
        master: relations.master_of(interface.index),
        rp_filter: greater("ipv4", name, "rp_filter"),
        arp_ignore: greater("ipv4", name, "arp_ignore"),
        accept_local: takes_own_source(name),
        forwarding: ["ipv4", "ipv6"].map(|family| own(family, name, "forwarding")),
        interface: interface.clone(),
    }
}

fn edge(options: &Options) -> std::path::PathBuf {
    options.bpffs.join("edge").join(&options.instance)
}

/// The kernel id of the program the instance has pinned.
fn pinned_program(options: &Options) -> Option<u32> {
    aya::programs::ProgramInfo::from_pin(edge(options).join("program")).ok().map(|program| program.id())
}

fn instance(options: &Options, status: Result<Status, ClientError>) -> Instance {
    let Options { socket, bpffs, instance, state_directory, .. } = options;
    let state_root = existing(state_directory);
    let entries = fs::read_dir(edge(options)).into_iter().flatten().flatten();
    let layout = |name: std::ffi::OsString| name.to_str()?.strip_prefix("maps-")?.parse().ok();
    Instance {
        name: instance.clone(),
        has_bpffs: crate::bpffs::is_on_bpffs(bpffs),
        layouts: entries.filter_map(|entry| layout(entry.file_name())).collect(),
        pinned: edge(options).join("program").exists(),
        bpffs: bpffs.clone(),
        state_writable: nix::unistd::access(state_root, AccessFlags::W_OK).is_ok(),
        state_free: nix::sys::statvfs::statvfs(state_root)
            .ok()
            .map(|space| space.blocks_available() * space.fragment_size()),
        state_root: state_root.to_owned(),
        state_directory: state_directory.clone(),
        socket: socket.clone(),
        daemon: match status {
            Ok(status) => Daemon::Runs { version: status.version, pid: status.pid, rights: status.rights },
            Err(ClientError::NoDaemon(_)) => Daemon::Absent,
            Err(error) => Daemon::Silent(error.to_string()),
        },
    }
}

/// The path, or the nearest directory above it that is there.
fn existing(path: &Path) -> &Path {
    path.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"))
}
