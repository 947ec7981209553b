//! Exchanges between devices, staged through the hosts, with host memory as the devices and threads as ranks.

use crate::reference::ranks;
use crate::support::host_device::{self, Host};
use rhoshard::comm::device::{DeviceCommunicator, connect};
use rhoshard::comm::staged::Staged;
use rhoshard::comm::{Communicator, Serial, agree};
use rhoshard::device::{Device, Memory};
use std::rc::Rc;

#[test]
fn every_verb_does_what_it_says_on_any_number_of_ranks() {
    // More than one piece of every collective.
    let large = (17 << 20) + 8;
    host_device::check(Rc::new(Serial), large);
    for size in [2, 3, 4] {
        ranks::run(size, |comm: Box<dyn Communicator>| host_device::check(comm.into(), large));
    }
}

#[test]
fn a_device_that_fails_is_an_error_and_no_hang() {
    let results = ranks::run(2, |comm: Box<dyn Communicator>| {
        let comm: Rc<dyn Communicator> = comm.into();
        let device: Rc<dyn Device> = Rc::new(if comm.rank() == 1 { Host::broken() } else { Host::default() });
        let memory = Memory::new(device.clone(), 8).unwrap();
        let staged = Staged::new(comm.clone(), device);
        agree(&*comm, staged.sum(memory.address(), 1)).unwrap_err().what
    });
    assert_eq!(results, ["the device is broken (on rank 1 of 2)"; 2]);
}

#[test]
fn devices_that_are_no_gpus_are_staged() {
    let device: Rc<dyn Device> = Rc::new(Host::default());
    assert_eq!(connect(Rc::new(Serial), device).unwrap().transport(), "host memory and MPI");
    let transports = ranks::run(2, |comm: Box<dyn Communicator>| {
        connect(comm.into(), Rc::new(Host::default())).unwrap().transport()
    });
    assert_eq!(transports, ["host memory and MPI"; 2]);
}
