use serde_json::json;

use super::*;

fn turn(number: u64) -> Turn {
    Turn { seed: 42, number, step: 0 }
}

fn every_kind() -> Vec<Generator> {
    vec![
        Generator::sequence(5, -3),
        Generator::uniform(-10, 10).unwrap(),
        Generator::uniform_float(0.5, 2.5).unwrap(),
        Generator::zipf(1, 1_000_000, 0.99).unwrap(),
        Generator::normal(100.0, 15.0).unwrap(),
        Generator::choice(vec![json!("a\"b"), json!(1), json!({"k": [true, null]})]).unwrap(),
        Generator::weighted(vec![(json!("x"), 1.0), (json!("y"), 2.5)]).unwrap(),
        Generator::uuid(),
        Generator::text(3, 20).unwrap(),
        Generator::bytes(13).unwrap(),
    ]
}

fn ints(generator: &Generator, stream: u64, count: u64) -> Vec<i64> {
    (0..count).map(|number| generator.value(stream, turn(number)).as_i64().unwrap()).collect()
}

fn floats(generator: &Generator, count: u64) -> Vec<f64> {
    (0..count).map(|number| generator.value(1, turn(number)).as_f64().unwrap()).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[test]
fn vectors_have_length_one_and_differ_by_turn() {
    let vector = Generator::vector(64).unwrap();
    let at = |number| vector.value(7, Turn { seed: 1, number, step: 0 });
    let length = |value: &Value| {
        value.as_array().unwrap().iter().map(|part| part.as_f64().unwrap().powi(2)).sum::<f64>().sqrt()
    };
    assert_eq!(at(0).as_array().unwrap().len(), 64);
    assert!((length(&at(0)) - 1.0).abs() < 1e-6);
    assert_ne!(at(0), at(1));
    let mut written = Vec::new();
    vector.write(7, Turn { seed: 1, number: 3, step: 0 }, Encoding::Json, &mut written);
    let read: Value = serde_json::from_slice(&written).unwrap();
    assert!((length(&read) - 1.0).abs() < 1e-6);
    assert!(Generator::vector(0).is_err() && Generator::vector(1 << 20).is_err());
}

#[test]
fn written_json_is_the_value() {
    for generator in every_kind() {
        for number in 0..200 {
            let mut out = Vec::new();
            generator.write(9, turn(number), Encoding::Json, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), generator.value(9, turn(number)).to_string());
        }
    }
}

#[test]
fn the_same_position_gives_the_same_value() {
    for generator in every_kind() {
        let forwards: Vec<Value> = (0..50).map(|number| generator.value(1, turn(number))).collect();
        let mut backwards: Vec<Value> = (0..50).rev().map(|n| generator.clone().value(1, turn(n))).collect();
        backwards.reverse();
        assert_eq!(forwards, backwards);
    }
}

#[test]
fn values_never_change_between_releases() {
    let pinned = [
        "2",
        "-10",
        "0.592029103753972",
        "538233",
        "", // normal: the last digit of a logarithm is the system library's
        r#""a\"b""#,
        r#""x""#,
        r#""0bc79c13-73a5-4815-bd66-a9aaecc56eb6""#,
        r#""picture man own""#,
        r#""FeilcxOcxwu2bsXsqg==""#,
    ];
    for (kind, pinned) in every_kind().iter().zip(pinned).filter(|(_, pinned)| !pinned.is_empty()) {
        assert_eq!(kind.value(7, turn(1)).to_string(), pinned, "{kind}");
    }
}

/// As generator threads do it: thread k of n takes the turns k, k + n, ...
#[test]
fn the_number_of_threads_changes_no_value() {
    const TURNS: u64 = 120;
    let kinds = every_kind();
    let all = |threads: u64| {
        let mut values = std::thread::scope(|scope| {
            let own = |k| (k..TURNS).step_by(threads as usize);
            let kinds = &kinds;
            let draw = move |number| {
                let values: Vec<Value> = kinds.iter().map(|kind| kind.value(3, turn(number))).collect();
                (number, values)
            };
            let handles: Vec<_> =
                (0..threads).map(|k| scope.spawn(move || own(k).map(draw).collect::<Vec<_>>())).collect();
            handles.into_iter().flat_map(|handle| handle.join().unwrap()).collect::<Vec<_>>()
        });
        values.sort_by_key(|(number, _)| *number);
        values
    };
    let alone = all(1);
    assert_eq!(alone.len() as u64, TURNS);
    assert!([2, 3, 8].iter().all(|threads| all(*threads) == alone));
}

#[test]
fn choice_prefers_none_and_reaches_all() {
    let values: Vec<Value> = (0..7).map(|value| json!(value)).collect();
    let drawn = ints(&Generator::choice(values).unwrap(), 5, 70_000);
    let mut counts = [0u32; 7];
    drawn.iter().for_each(|value| counts[*value as usize] += 1);
    let chi_square: f64 = counts.iter().map(|count| (f64::from(*count) - 10_000.0).powi(2) / 10_000.0).sum();
    // 6 degrees of freedom: above 27.9 less than once in 10,000.
    assert!(chi_square < 27.9, "{chi_square}: {counts:?}");
}

#[test]
fn vectors_point_anywhere() {
    let vector = Generator::vector(3).unwrap();
    let mut sums = [0.0; 3];
    let mut squares = [0.0; 3];
    for number in 0..20_000 {
        for (axis, part) in vector.value(1, turn(number)).as_array().unwrap().iter().enumerate() {
            let part = part.as_f64().unwrap();
            sums[axis] += part / 20_000.0;
            squares[axis] += part * part / 20_000.0;
        }
    }
    // A component has the variance 1/3: standard deviations of 0.004 and 0.002.
    assert!(sums.iter().all(|mean| mean.abs() < 0.016), "{sums:?}");
    assert!(squares.iter().all(|mean| (mean - 1.0 / 3.0).abs() < 0.009), "{squares:?}");
    let mut line = Vec::new();
    Generator::vector(1).unwrap().write(1, turn(0), Encoding::Json, &mut line);
    assert!([&b"[1.0]"[..], b"[-1.0]"].contains(&line.as_slice()));
}

#[test]
fn seed_stream_turn_and_step_each_matter() {
    let generator = Generator::uniform(i64::MIN, i64::MAX).unwrap();
    let base = Turn { seed: 1, number: 2, step: 3 };
    let values: std::collections::BTreeSet<i64> = [
        (5, base),
        (6, base),
        (5, Turn { seed: 2, ..base }),
        (5, Turn { number: 3, ..base }),
        (5, Turn { step: 4, ..base }),
    ]
    .map(|(stream, turn)| generator.value(stream, turn).as_i64().unwrap())
    .into();
    assert_eq!(values.len(), 5);
}

#[test]
fn streams_are_independent() {
    let generator = Generator::uniform_float(-1.0, 1.0).unwrap();
    let (left, right) = (Generator::stream("GET /", "user"), Generator::stream("GET /", "item"));
    assert_ne!(left, right);
    assert_ne!(Generator::stream("a", "bc"), Generator::stream("ab", "c"));
    let products: Vec<f64> = (0..20_000)
        .map(|number| {
            let draw = |stream| generator.value(stream, turn(number)).as_f64().unwrap();
            draw(left) * draw(right)
        })
        .collect();
    // The correlation of independent draws has a standard deviation of 1 / sqrt(20,000) = 0.007.
    assert!((mean(&products) * 3.0).abs() < 0.03, "{}", mean(&products) * 3.0);
}

#[test]
fn uniform_reaches_both_ends_and_its_mean() {
    let generator = Generator::uniform(1, 6).unwrap();
    let mut counts = [0u32; 6];
    ints(&generator, 1, 60_000).iter().for_each(|value| counts[*value as usize - 1] += 1);
    assert!(counts.iter().all(|count| (9_500..10_500).contains(count)), "{counts:?}");
    assert_eq!(ints(&Generator::uniform(3, 3).unwrap(), 1, 2), [3, 3]);
    let values = floats(&Generator::uniform_float(10.0, 20.0).unwrap(), 20_000);
    assert!(values.iter().all(|value| (10.0..=20.0).contains(value)));
    assert!((mean(&values) - 15.0).abs() < 0.1, "{}", mean(&values));
}

#[test]
fn zipf_keeps_its_bounds_and_prefers_the_lowest() {
    let values = ints(&Generator::zipf(100, 199, 1.0).unwrap(), 3, 20_000);
    assert!(values.iter().all(|value| (100..200).contains(value)));
    let share = values.iter().filter(|value| **value == 100).count() as f64 / 20_000.0;
    // 1 / H(100) = 1 / 5.187
    assert!((share - 0.1928).abs() < 0.012, "{share}");
}

#[test]
fn exponential_has_its_mean_and_spread() {
    let values = floats(&Generator::exponential(0.5).unwrap(), 40_000);
    let mean = values.iter().sum::<f64>() / 40_000.0;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 40_000.0;
    assert!(values.iter().all(|value| *value >= 0.0));
    assert!((mean - 0.5).abs() < 0.0125 && (variance - 0.25).abs() < 0.02, "{mean} {variance}");
    assert!(Generator::exponential(0.0).is_err() && Generator::exponential(f64::NAN).is_err());
}

#[test]
fn normal_has_its_mean_and_spread() {
    let values = floats(&Generator::normal(100.0, 15.0).unwrap(), 40_000);
    let middle = mean(&values);
    let spread = mean(&values.iter().map(|value| (value - middle).powi(2)).collect::<Vec<_>>()).sqrt();
    assert!((middle - 100.0).abs() < 0.4 && (spread - 15.0).abs() < 0.3, "{middle} {spread}");
}

#[test]
fn weights_are_kept_and_zero_means_never() {
    let pairs = vec![(json!(0), 0.0), (json!(1), 1.0), (json!(2), 3.0), (json!(3), 0.0)];
    let values = ints(&Generator::weighted(pairs).unwrap(), 1, 20_000);
    let share = values.iter().filter(|value| **value == 2).count() as f64 / 20_000.0;
    assert!((share - 0.75).abs() < 0.02, "{share}");
    assert!(values.iter().all(|value| [1, 2].contains(value)));
}

#[test]
fn sequences_follow_the_turn() {
    assert_eq!(ints(&Generator::sequence(10, 5), 1, 4), [10, 15, 20, 25]);
    let last = Generator::sequence(i64::MAX, 1).value(1, turn(1));
    assert_eq!(last, json!(i64::MIN));
}

#[test]
fn uuids_text_and_bytes_have_their_shape() {
    let uuid = Generator::uuid().value(1, turn(0)).as_str().unwrap().to_owned();
    let groups: Vec<usize> = uuid.split('-').map(str::len).collect();
    assert_eq!(groups, [8, 4, 4, 4, 12]);
    assert!(uuid.as_bytes()[14] == b'4' && b"89ab".contains(&uuid.as_bytes()[19]), "{uuid}");
    let lengths: std::collections::BTreeSet<usize> = (0..200)
        .map(|number| Generator::text(2, 4).unwrap().value(1, turn(number)))
        .map(|text| text.as_str().unwrap().split(' ').count())
        .collect();
    assert_eq!(lengths.into_iter().collect::<Vec<_>>(), [2, 3, 4]);
    for len in [0, 1, 7, 8, 9, 64] {
        let mut out = Vec::new();
        Generator::bytes(len).unwrap().write(1, turn(0), Encoding::Raw, &mut out);
        assert_eq!(out.len() as i64, len);
    }
}

#[test]
fn impossible_generators_are_refused_with_a_hint() {
    let refused = [
        Generator::uniform(2, 1),
        Generator::uniform_float(0.0, f64::INFINITY),
        Generator::uniform_float(f64::MIN, f64::MAX),
        Generator::zipf(1, 10, -1.0),
        Generator::zipf(i64::MIN, i64::MAX, 1.0),
        Generator::normal(0.0, -1.0),
        Generator::choice(vec![]),
        Generator::weighted(vec![(json!(1), 0.0)]),
        Generator::weighted(vec![(json!(1), -1.0)]),
        Generator::text(0, 5),
        Generator::bytes(-1),
    ];
    for result in refused {
        let error = result.unwrap_err();
        assert!(error.kind == crate::error::ErrorKind::Usage && !error.hints.is_empty(), "{error}");
    }
}
