use super::*;

fn pool() -> Pool {
    let backend = |last: u8| Backend::new(format!("b{last}"), [10, 0, 0, last].into());
    let backup = |last: u8| Backend { backup: true, ..backend(last) };
    Pool::new("web", vec![backend(1), backend(2), backup(11)])
}

/// Whether each may take flows, and by whose will it is draining.
fn conditions(pool: &Pool, marks: &Marks, diverted: &Names) -> Vec<(bool, Option<DrainedBy>)> {
    let opinions = Opinions { marks, diverted, ..Opinions::NONE };
    let conditions = pool.backends.iter().map(|backend| Condition::of(&opinions, pool, backend));
    conditions.map(|it| (it.is_eligible(), it.draining.map(|drain| drain.by))).collect()
}

#[test]
fn a_diversion_drains_those_that_are_no_backups_if_a_backup_is_fit() {
    let (mut pool, nobody) = (pool(), Marks::new());
    let diverted = Names::from(["web".to_owned()]);
    let drained = (false, Some(DrainedBy::Diversion));
    let fit = (true, None);
    assert_eq!(conditions(&pool, &nobody, &Names::new()), [fit; 3]);
    assert_eq!(conditions(&pool, &nobody, &Names::from(["dns".to_owned()])), [fit; 3]);
    assert_eq!(conditions(&pool, &nobody, &diverted), [drained, drained, fit]);
    let down = Marks::from([("web".to_owned(), [10, 0, 0, 11].into())]);
    assert_eq!(conditions(&pool, &down, &diverted), [fit, fit, (false, None)]);

    // Deadlines of the operator's hold.
    pool.backends[0].state = AdminState::Draining;
    pool.backends[0].drain_until = Some(Utc::from_unix(7));
    assert_eq!(conditions(&pool, &nobody, &diverted), [(false, Some(DrainedBy::Operator)), drained, fit]);
    pool.backends[2].state = AdminState::Draining;
    assert_eq!(conditions(&pool, &nobody, &diverted)[1], fit);
    pool.backends.pop();
    assert_eq!(conditions(&pool, &nobody, &diverted)[1], fit, "there is no backup at all");
}

#[test]
fn who_is_diverted_keeps_its_flows_for_as_long_as_they_last() {
    let pool = pool();
    let diverted = Names::from(["web".to_owned()]);
    let opinions = Opinions { diverted: &diverted, ..Opinions::NONE };
    let condition = Condition::of(&opinions, &pool, &pool.backends[0]);
    let now = Utc::now();
    assert!(condition.is_diverted() && !condition.is_drained(now));
    assert!(condition.is_usable(OnDown::Reset, now));
    let down = Marks::from([("web".to_owned(), pool.backends[0].address)]);
    let condition = Condition::of(&Opinions { marks: &down, ..opinions }, &pool, &pool.backends[0]);
    assert!(!condition.is_diverted() && !condition.is_usable(OnDown::Reset, now));
}
