//! The queues between control and a worker.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use shared::{Command, StreamId, Wake, WorkerId, pair};

/// Nobody is woken.
struct Silence;

impl Wake for Silence {
    fn wake(&self) {}
}

fn queue(criterion: &mut Criterion) {
    let (sender, receiver) = pair::<Command>(1_024, Arc::new(Silence));
    let stream = StreamId {
        worker: WorkerId(0),
        index: 1,
        generation: 1,
    };
    let mut group = criterion.benchmark_group("queue");
    group.throughput(Throughput::Elements(64));
    group.bench_function("64 commands in and out", |bencher| {
        bencher.iter(|| {
            for _ in 0..64 {
                let pushed = sender.push(black_box(Command::Close { stream }));
                assert!(pushed.is_ok(), "there is room");
            }
            sender.ring();
            while let Some(command) = receiver.pop() {
                black_box(command);
            }
        });
    });
    group.finish();
}

criterion_group!(benches, queue);
criterion_main!(benches);
