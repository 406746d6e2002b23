//! Places in the list: by arrows, by numbers, by drag. All come here as a form.
//!
//! **Invariant:** a new order keeps the sizes of the tiers: the first places stay the first tier, whoever holds them.
//! **May import:** `state`, `db`.

use actix_web::HttpResponse;

use crate::dashboard::form::Form;
use crate::dashboard::pages::upstreams::back;
use crate::dashboard::reply::ApiError;
use crate::dashboard::visit::Visit;
use crate::db::upstreams::{self, UpstreamRow};

/// As requests see them: by tier, then by position, then by age.
pub(super) fn in_order(mut rows: Vec<UpstreamRow>) -> Vec<UpstreamRow> {
    rows.sort_by_key(|row| (row.priority, row.position, row.id));
    rows
}

/// `POST /admin/upstreams/order`: `move=ID:up`, `move=ID:down`, `order=3,1,2`, or a number in each `place-ID`.
pub(super) async fn order(visit: Visit, form: Form) -> Result<HttpResponse, ApiError> {
    let back = back(&form);
    visit
        .database(move |connection| {
            let rows = in_order(upstreams::list(connection)?);
            let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
            let priorities: Vec<i64> = rows.iter().map(|row| row.priority).collect();
            upstreams::reorder(connection, &places(&wanted(&ids, &form), &priorities))
        })
        .await?;
    visit.live().await;
    Ok(visit.done(&back, visit.frame.t("upstreams.ordered")))
}

/// The ids in the order that a form asks for; what it does not name stays where it was, as on the other pages of a long list.
fn wanted(ids: &[i64], form: &Form) -> Vec<i64> {
    let mut ids = ids.to_vec();
    if let Some((id, direction)) = form.text("move").split_once(':') {
        let place = id.parse().ok().and_then(|id: i64| ids.iter().position(|known| *known == id));
        match (place, direction) {
            (Some(place), "up") if place > 0 => ids.swap(place, place - 1),
            (Some(place), "down") if place + 1 < ids.len() => ids.swap(place, place + 1),
            _ => {}
        }
        return ids;
    }
    if form.has("order") {
        let first: Vec<i64> = form.text("order").split(',').filter_map(|id| id.parse().ok()).collect();
        let places: Vec<usize> = (0..ids.len()).filter(|place| first.contains(&ids[*place])).collect();
        let mut known: Vec<i64> = places.iter().map(|place| ids[*place]).collect();
        known.sort_by_key(|id| first.iter().position(|named| named == id));
        places.into_iter().zip(known).for_each(|(place, id)| ids[place] = id);
        return ids;
    }
    // A number typed into one field moves that one there: before who stood at the place, or behind when it moves down.
    let before = ids.clone();
    for (place, id) in before.iter().enumerate() {
        let Some(number) =
            form.text(&format!("place-{id}")).parse::<usize>().ok().filter(|number| *number != place + 1)
        else {
            continue;
        };
        if let Some(now) = ids.iter().position(|known| known == id) {
            let moved = ids.remove(now);
            ids.insert(number.saturating_sub(1).min(ids.len()), moved);
        }
    }
    ids
}

/// (id, priority, position) of each: the tiers' numbers by place as they were, positions from 1.
fn places(ids: &[i64], priorities: &[i64]) -> Vec<(i64, i64, i64)> {
    ids.iter().zip(priorities).zip(1..).map(|((id, priority), position)| (*id, *priority, position)).collect()
}

#[cfg(test)]
mod tests {
    use crate::dashboard::form::Form;
    use crate::dashboard::pages::upstreams::order::{places, wanted};

    #[test]
    fn arrows_numbers_and_drag_give_the_order_they_show() {
        for (form, expected) in [
            ("move=3:up", [1, 3, 2, 4]),
            ("move=1:up", [1, 2, 3, 4]),
            ("move=4:down", [1, 2, 3, 4]),
            ("move=x:up", [1, 2, 3, 4]),
            ("order=4,2,1,3", [4, 2, 1, 3]),
            ("order=3", [1, 2, 3, 4]),
            ("order=4,9,2,4", [1, 4, 3, 2]),
            ("place-1=1&place-2=2&place-3=3&place-4=1", [4, 1, 2, 3]),
            ("place-1=3&place-2=2&place-3=3&place-4=4", [2, 3, 1, 4]),
            ("place-1=99", [2, 3, 4, 1]),
        ] {
            assert_eq!(wanted(&[1, 2, 3, 4], &Form::parse(form.as_bytes())), expected, "{form}");
        }
    }

    #[test]
    fn tiers_keep_their_sizes() {
        assert_eq!(places(&[7, 5, 6], &[0, 0, 1]), [(7, 0, 1), (5, 0, 2), (6, 1, 3)]);
    }
}
