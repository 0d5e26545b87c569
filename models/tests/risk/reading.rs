//! From record batches: any type a query returns, and errors that name the
//! column and the value.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, Date32Array, Decimal128Array, DictionaryArray, Float32Array, Int8Array,
    Int64Array, LargeStringArray, ListArray, NullArray, StringViewArray, TimestampNanosecondArray,
};
use arrow::datatypes::{Int32Type, Int64Type};
use loadstar_models::risk::{Kind, RiskError, RiskTable, fit};

use super::rows::{batch, card, flags, ids, numbers, scorecard, words};

fn read(columns: Vec<(&str, ArrayRef)>) -> Result<RiskTable, RiskError> {
    RiskTable::from_batches(&[batch(columns)], "id", Some("label"))
}

fn labels(array: ArrayRef) -> Result<Vec<bool>, RiskError> {
    let columns = vec![("id", ids(array.len())), ("label", array)];
    read(columns).map(|table| table.labels().unwrap().to_vec())
}

#[test]
fn a_label_may_be_written_in_many_ways() {
    let expected = vec![true, false, true];
    let ways: Vec<ArrayRef> = vec![
        flags([true, false, true]),
        numbers([1.0, 0.0, 1.0]),
        Arc::new(Int64Array::from(vec![1, 0, 1])),
        Arc::new(Int8Array::from(vec![1, 0, 1])),
        Arc::new(Decimal128Array::from(vec![100, 0, 100]).with_precision_and_scale(5, 2).unwrap()),
        words(["yes", "No", "YES"]),
        words(["t", "f", "true"]),
        words(["1", "0", " 1 "]),
        words(["是", "否", "是"]),
        Arc::new(StringViewArray::from(vec!["y", "n", "y"])),
        Arc::new(vec!["yes", "no", "yes"].into_iter().collect::<DictionaryArray<Int32Type>>()),
    ];
    for way in ways {
        let kind = way.data_type().clone();
        assert_eq!(labels(way).unwrap(), expected, "{kind}");
    }
}

#[test]
fn a_label_that_is_neither_names_column_value_and_row() {
    let cases: Vec<(ArrayRef, &str, usize)> = vec![
        (numbers([1.0, 0.0, 2.0]), "2", 3),
        (numbers([1.0, f64::NAN]), "NULL", 2),
        (words(["yes", "perhaps"]), "\"perhaps\"", 2),
        (Arc::new(NullArray::new(2)), "NULL", 1),
    ];
    for (array, wrong, at) in cases {
        match labels(array).unwrap_err() {
            RiskError::BadLabel { column, value, row } => {
                assert_eq!((column.as_str(), value.as_str(), row), ("label", wrong, at));
            }
            other => panic!("{other}"),
        }
    }
    let dates: ArrayRef = Arc::new(Date32Array::from(vec![1]));
    let error = labels(dates).unwrap_err();
    assert!(error.to_string().contains("\"label\" of type Date32"), "{error}");
}

#[test]
fn rows_are_counted_across_batches() {
    let part = |label: ArrayRef| batch(vec![("id", ids(2)), ("label", label)]);
    let parts = [part(numbers([1.0, 0.0])), part(numbers([1.0, 7.0]))];
    let error = RiskTable::from_batches(&parts, "id", Some("label")).unwrap_err();
    assert!(matches!(error, RiskError::BadLabel { row: 4, .. }), "{error}");
}

#[test]
fn names_are_matched_exactly_or_else_in_any_case() {
    let columns =
        || vec![("ID", numbers([7.0])), ("Label", flags([true])), ("label", flags([false]))];
    let table = RiskTable::from_batches(&[batch(columns())], "id", Some("label")).unwrap();
    assert_eq!(table.ids(), ["7.0"]);
    assert_eq!(table.labels(), Some(&[false][..]));
    assert_eq!(table.features().collect::<Vec<_>>(), ["Label"]);
    let error = RiskTable::from_batches(&[batch(columns())], "id", Some("LABEL")).unwrap_err();
    assert!(error.to_string().contains("it has ID, Label, label"), "{error}");
}

#[test]
fn integer_ids_and_repeated_ids_are_kept_as_they_are() {
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![7, 7, -1]));
    let table = read(vec![("id", ids), ("label", flags([true, false, true]))]).unwrap();
    assert_eq!(table.ids(), ["7", "7", "-1"]);
}

#[test]
fn a_row_without_an_id_and_columns_of_one_name_are_refused() {
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![Some(7), None]));
    let error = read(vec![("id", ids), ("label", flags([true, false]))]).unwrap_err();
    assert!(matches!(error, RiskError::MissingId { row: 2, .. }), "{error}");
    let twice = batch(vec![("id", numbers([1.0])), ("x", numbers([1.0])), ("x", numbers([1.0]))]);
    let error = RiskTable::from_batches(&[twice], "id", None).unwrap_err();
    assert!(matches!(error, RiskError::DuplicateColumn { column } if column == "x"));
    assert!(matches!(RiskTable::from_batches(&[], "id", None), Err(RiskError::NoRows)));
}

#[test]
fn nested_and_binary_columns_are_refused_by_name() {
    let list = ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1)])]);
    let binary = BinaryArray::from(vec![&b"x"[..]]);
    for (array, kind) in [(Arc::new(list) as ArrayRef, "List"), (Arc::new(binary), "Binary")] {
        let error = read(vec![("id", ids(1)), ("shape", array), ("label", flags([true]))]);
        let text = error.unwrap_err().to_string();
        assert!(text.contains("\"shape\"") && text.contains(kind), "{text}");
    }
}

/// Every column tells the outcome; each has to be found, whatever its type.
#[test]
fn features_of_every_type_are_learned() {
    let rows = 400;
    let risky: Vec<bool> = (0..rows).map(|row| row % 4 == 0).collect();
    let ints: Vec<i64> = risky.iter().map(|&risky| if risky { 20 } else { 10 }).collect();
    let day = 86_400_000_000_000;
    let text: Vec<&str> = risky.iter().map(|&risky| if risky { "bad" } else { "good" }).collect();
    let dates: Vec<String> = ints
        .iter()
        .enumerate()
        .map(|(row, day)| format!("2024-{day}-{:02}", row % 20 + 1))
        .collect();
    let dates: Vec<String> = dates.iter().map(|date| date.replace("-20-", "-11-")).collect();
    let codes: Vec<String> = ints
        .iter()
        .enumerate()
        .map(|(row, value)| format!("{}", value * 10 + row as i64 % 40))
        .collect();
    let decimals = Decimal128Array::from_iter_values(ints.iter().map(|&value| i128::from(value)));
    let columns: Vec<(&str, ArrayRef, Kind)> = vec![
        ("int", Arc::new(Int64Array::from(ints.clone())), Kind::Number),
        (
            "float",
            Arc::new(Float32Array::from_iter_values(ints.iter().map(|&v| v as f32))),
            Kind::Number,
        ),
        ("decimal", Arc::new(decimals.with_precision_and_scale(10, 3).unwrap()), Kind::Number),
        ("bool", flags(risky.clone()), Kind::Boolean),
        (
            "date",
            Arc::new(Date32Array::from_iter_values(ints.iter().map(|&v| v as i32))),
            Kind::Date,
        ),
        (
            "stamp",
            Arc::new(
                TimestampNanosecondArray::from_iter_values(ints.iter().map(|v| v * day))
                    .with_timezone("Asia/Shanghai"),
            ),
            Kind::Date,
        ),
        ("text", words(&text), Kind::Text),
        ("large", Arc::new(LargeStringArray::from(text.clone())), Kind::Text),
        ("view", Arc::new(StringViewArray::from(text.clone())), Kind::Text),
        (
            "dictionary",
            Arc::new(text.iter().copied().collect::<DictionaryArray<Int32Type>>()),
            Kind::Text,
        ),
        ("text of dates", words(&dates), Kind::Date),
        ("text of numbers", words(&codes), Kind::Number),
    ];
    for (name, array, kind) in columns {
        let table = super::rows::table(vec![
            ("id", ids(rows)),
            (name, array),
            ("label", flags(risky.clone())),
        ]);
        let model = fit(&table, &scorecard("types")).unwrap();
        let found: Vec<_> =
            card(&model).characteristics.iter().map(|c| (c.feature.as_str(), c.kind)).collect();
        assert_eq!(found, [(name, kind)]);
        let scores = model.score(&table).unwrap();
        assert!(scores[0].probability > 0.8 && scores[1].probability < 0.1, "{name}");
    }
}
