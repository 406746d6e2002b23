//! The table of prices on real SQLite files. **Invariant:** no test waits for time to pass. **May import:** the room.

use super::prices::{self, NewPrice, PriceChange};
use super::testing::{Folder, by_hand};
use crate::error::Error;
use crate::usage::prices::PriceBook;
use crate::usage::start_prices::{PRICES_AS_OF_US, start_prices};

#[test]
fn a_new_database_is_filled_once_and_what_is_removed_stays_removed() {
    let folder = Folder::new();
    let opened = folder.open();
    let conn = &mut *opened.database.get().unwrap();
    let rows = prices::list(conn).unwrap();
    let book = PriceBook::new(rows.iter().map(prices::PriceRow::price).collect());
    assert_eq!(book, PriceBook::new(start_prices()));
    assert!(rows.iter().all(|row| row.updated_us == PRICES_AS_OF_US));
    prices::remove(conn, rows[0].id).unwrap();
    assert!(matches!(prices::remove(conn, rows[0].id), Err(Error::NotFound)));
    assert_eq!(prices::list(&mut folder.open().database.get().unwrap()).unwrap(), rows[1..]);
    by_hand(&folder.file("db.sqlite"), "DELETE FROM prices");
    assert!(prices::list(&mut folder.open().database.get().unwrap()).unwrap().is_empty());
}

#[test]
fn prices_that_stand_there_already_are_not_added_to() {
    let folder = Folder::new();
    drop(folder.open());
    by_hand(
        &folder.file("db.sqlite"),
        "DELETE FROM start_tables; DELETE FROM prices; INSERT INTO prices (pattern, input_pico) VALUES (' mine* ', 5)",
    );
    let opened = folder.open();
    let rows = prices::list(&mut opened.database.get().unwrap()).unwrap();
    assert_eq!(rows.len(), 1);
    let price = rows[0].price();
    assert_eq!((price.pattern.as_str(), price.input, price.cached, price.output), ("mine*", 5, None, 0));
}

#[test]
fn a_price_is_added_edited_and_found() {
    let folder = Folder::new();
    let opened = folder.open();
    let conn = &mut *opened.database.get().unwrap();
    let new = NewPrice { pattern: "mine".to_owned(), input_pico: 1, cached_pico: Some(2), output_pico: 3 };
    let added = prices::insert(conn, &new).unwrap();
    assert!(added.updated_us > PRICES_AS_OF_US);
    assert!(matches!(prices::insert(conn, &new), Err(Error::Duplicate)));
    let change = PriceChange { cached_pico: Some(None), output_pico: Some(4), ..PriceChange::default() };
    let edited = prices::update(conn, added.id, &change).unwrap();
    assert_eq!(
        (edited.pattern.as_str(), edited.input_pico, edited.cached_pico, edited.output_pico),
        ("mine", 1, None, 4)
    );
    let taken = PriceChange { pattern: Some("gpt-4o".to_owned()), ..PriceChange::default() };
    assert!(matches!(prices::update(conn, added.id, &taken), Err(Error::Duplicate)));
    assert!(matches!(prices::update(conn, 987_654, &change), Err(Error::NotFound)));
    assert_eq!(prices::find(conn, added.id).unwrap(), Some(edited));
}
