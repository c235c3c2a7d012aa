//! What a packet costs in user space: playing, relaying, judging a source, reading RTCP.

use std::hint::black_box;
use std::net::SocketAddr;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dataplane::address::Address;
use dataplane::latch::Lock;
use dataplane::terms::Terms;
use dataplane::{rtcp, rtp};
use orbit_benches::{Plane, bridged, media, phone_report, voice};
use shared::Latch;

/// One slot of the wheel: N streams spread over 20 slots.
fn music(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("music");
    for streams in [1_000, 15_000] {
        let mut plane = Plane::playing(streams);
        group.throughput(Throughput::Elements(u64::from(streams) / 20));
        group.bench_function(format!("slot of {streams} streams"), |bencher| {
            bencher.iter(|| plane.slot());
        });
    }
    group.finish();
}

fn relay(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("relay");
    group.throughput(Throughput::Elements(1));
    for (name, transcoded) in [("same codec", false), ("PCMU to PCMA", true)] {
        let mut bridge = bridged(transcoded);
        group.bench_function(name, |bencher| bencher.iter(|| bridge.pass()));
    }
    group.finish();
}

fn latch(criterion: &mut Criterion) {
    let remote: SocketAddr = "192.0.2.7:4000".parse().expect("an address");
    let mut described = media(remote);
    described.latch = Latch::Any;
    let terms = Terms::from(&described);
    let mut lock = Lock::OPEN;
    lock.learn(&terms, &remote.into());
    criterion.bench_function("latch/known source", |bencher| {
        bencher.iter(|| {
            let source = Address::from(black_box(remote));
            black_box(&lock).judge(black_box(&terms), &source)
        });
    });
}

fn parse(criterion: &mut Criterion) {
    let packet = voice(1, 160);
    criterion.bench_function("rtp/parse", |bencher| {
        bencher.iter(|| rtp::parse(black_box(&packet)));
    });
    let compound = phone_report();
    criterion.bench_function("rtcp/parse and read", |bencher| {
        bencher.iter(|| rtcp::parse(black_box(&compound)).map(Iterator::count));
    });
}

criterion_group!(benches, music, relay, latch, parse);
criterion_main!(benches);
