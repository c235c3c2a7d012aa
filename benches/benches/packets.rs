//! What a packet costs in user space: playing, relaying, judging a source, reading RTCP; and what
//! goes on between packets: the table, the queues, a recording that is replaced.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use orbit_benches::cases;
use orbit_benches::{Plane, recording};

fn packets(criterion: &mut Criterion) {
    for case in cases::packets() {
        let (part, detail) = case.name.split_once('/').unwrap_or(("", &case.name));
        let mut group = criterion.benchmark_group(part);
        group.throughput(Throughput::Elements(case.count));
        group.bench_function(detail, |bencher| bencher.iter((case.prepare)()));
        group.finish();
    }
}

/// What the worker does of it between two slots; the other recording is ready then.
fn swap(criterion: &mut Criterion) {
    let mut plane = Plane::playing(5_000);
    criterion.bench_function("prompt/swap under 5000 streams", |bencher| {
        bencher.iter_batched(
            recording,
            |prompt| plane.swap(prompt),
            BatchSize::SmallInput,
        );
    });
}

criterion_group!(benches, packets, swap);
criterion_main!(benches);
