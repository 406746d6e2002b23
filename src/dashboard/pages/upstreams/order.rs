//! Places in the list: by arrows, by numbers, by drag. All come here as a form.
//!
//! **Invariant:** a new order keeps the sizes of the tiers: the first places stay the first tier, whoever holds them.
//! **May import:** `state`, `db`.

use actix_web::HttpResponse;

use crate::dashboard::form::Form;
use crate::dashboard::pages::upstreams::back;
use crate::dashboard::reply::ApiError;
use crate::dashboard::visit::Visit;
use crate::dashboard::words::Key;
use crate::db::upstreams::{self, UpstreamRow};

/// As requests see them: by tier, then by position, then by age.
pub(super) fn in_order(mut rows: Vec<UpstreamRow>) -> Vec<UpstreamRow> {
    rows.sort_by_key(|row| (row.priority, row.position, row.id));
    rows
}

/// `POST /admin/upstreams/order`: `move=ID:up`, `move=ID:down`, `order=3,1,2`, or a number in each `place-ID`.
pub(super) async fn order(visit: Visit, form: Form) -> Result<HttpResponse, ApiError> {
    let (back, wish) = (back(&form), Wish::read(&form)?);
    let moved = visit
        .database(move |connection| {
            let rows = in_order(upstreams::list(connection)?);
            let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
            let priorities: Vec<i64> = rows.iter().map(|row| row.priority).collect();
            let wanted = wish.of(&ids);
            if wanted == ids {
                return Ok(false);
            }
            upstreams::reorder(connection, &places(&wanted, &priorities))?;
            Ok(true)
        })
        .await?;
    visit.live().await;
    let said = if moved { Key("upstreams.ordered") } else { Key("upstreams.same_order") };
    Ok(visit.done(&back, visit.frame.k(&said)))
}

/// What a form asks for.
enum Wish {
    /// One of them a place up, or down.
    Move(i64, bool),
    /// These in this order, at the places that they have.
    Order(Vec<i64>),
    /// Numbers of places, as they stand in the fields.
    Places(Vec<(i64, usize)>),
}

impl Wish {
    /// # Errors
    /// 422 that names the field which makes no sense, or the one that is missing.
    fn read(form: &Form) -> Result<Wish, ApiError> {
        let wrong = |field: &str, key: Key| ApiError::field_keyed(field, key, &[]).of_form();
        if form.has("move") {
            let (id, direction) = form.text("move").split_once(':').unwrap_or_default();
            return match (id.parse(), direction) {
                (Ok(id), "up" | "down") => Ok(Wish::Move(id, direction == "up")),
                _ => Err(wrong("move", Key("upstreams.bad_move"))),
            };
        }
        if form.has("order") {
            let ids: Result<Vec<i64>, _> = form.text("order").split(',').map(|id| id.trim().parse()).collect();
            return ids.map(Wish::Order).map_err(|_| wrong("order", Key("upstreams.bad_order")));
        }
        let mut places = Vec::new();
        for (name, number) in form.pairs() {
            let Some(id) = name.strip_prefix("place-") else { continue };
            match (id.parse(), number.trim().parse()) {
                (Ok(id), Ok(number @ 1..)) => places.push((id, number)),
                _ => return Err(wrong(name, Key("upstreams.bad_place"))),
            }
        }
        if places.is_empty() { Err(wrong("order", Key("upstreams.bad_order"))) } else { Ok(Wish::Places(places)) }
    }

    /// The ids in the order that is asked for; what is not named stays where it was, as on the other pages of a long list.
    fn of(&self, ids: &[i64]) -> Vec<i64> {
        let mut ids = ids.to_vec();
        match self {
            Wish::Move(id, up) => match ids.iter().position(|known| known == id) {
                Some(place) if *up && place > 0 => ids.swap(place, place - 1),
                Some(place) if !*up && place + 1 < ids.len() => ids.swap(place, place + 1),
                _ => {}
            },
            Wish::Order(first) => {
                let places: Vec<usize> = (0..ids.len()).filter(|place| first.contains(&ids[*place])).collect();
                let mut known: Vec<i64> = places.iter().map(|place| ids[*place]).collect();
                known.sort_by_key(|id| first.iter().position(|named| named == id));
                places.into_iter().zip(known).for_each(|(place, id)| ids[place] = id);
            }
            // A number typed into one field moves that one there: before who stood at the place, or behind when it moves down.
            Wish::Places(numbers) => {
                for (place, id) in ids.clone().into_iter().enumerate() {
                    let number = numbers.iter().find(|(named, _)| *named == id).map(|(_, number)| *number);
                    let Some(number) = number.filter(|number| *number != place + 1) else { continue };
                    if let Some(now) = ids.iter().position(|known| *known == id) {
                        let moved = ids.remove(now);
                        ids.insert((number - 1).min(ids.len()), moved);
                    }
                }
            }
        }
        ids
    }
}

/// (id, priority, position) of each: the tiers' numbers by place as they were, positions from 1.
fn places(ids: &[i64], priorities: &[i64]) -> Vec<(i64, i64, i64)> {
    ids.iter().zip(priorities).zip(1..).map(|((id, priority), position)| (*id, *priority, position)).collect()
}

#[cfg(test)]
mod tests {
    use crate::dashboard::form::Form;
    use crate::dashboard::pages::upstreams::order::{Wish, places};

    #[test]
    fn arrows_numbers_and_drag_give_the_order_they_show() {
        for (form, expected) in [
            ("move=3:up", [1, 3, 2, 4]),
            ("move=1:up", [1, 2, 3, 4]),
            ("move=4:down", [1, 2, 3, 4]),
            ("order=4,2,1,3", [4, 2, 1, 3]),
            ("order=3", [1, 2, 3, 4]),
            ("order=4,9,2,4", [1, 4, 3, 2]),
            ("place-1=1&place-2=2&place-3=3&place-4=1", [4, 1, 2, 3]),
            ("place-1=3&place-2=2&place-3=3&place-4=4", [2, 3, 1, 4]),
            ("place-1=99", [2, 3, 4, 1]),
        ] {
            let wish = Wish::read(&Form::parse(form.as_bytes())).ok().unwrap();
            assert_eq!(wish.of(&[1, 2, 3, 4]), expected, "{form}");
        }
        for wrong in ["move=x:up", "move=1:left", "order=1,x", "order=", "place-1=first", "place-x=1", "place-1=0", ""]
        {
            assert!(Wish::read(&Form::parse(wrong.as_bytes())).is_err(), "{wrong}");
        }
    }

    #[test]
    fn tiers_keep_their_sizes() {
        assert_eq!(places(&[7, 5, 6], &[0, 0, 1]), [(7, 0, 1), (5, 0, 2), (6, 1, 3)]);
    }
}
