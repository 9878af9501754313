//! docs/reference/metrics.md: every family that a scrape can have.

use anycast_ctl::metrics::{Family, SECTIONS};

use crate::{
    hold,
    page::{Page, code},
};

#[test]
fn metrics_are_as_the_page_has_them() {
    let mut page = Page::new("Metrics", "the families in `anycast-ctl/src/metrics`");
    page.block(
        "Every metric of `http://127.0.0.1:9750/metrics`. How to scrape them, alerts, the dashboard and what they cost: \
         [metrics](../metrics.md). What reasons and details mean: [reasons](reasons.md).",
    );
    page.block(
        "A metric with the label `backend` has the label `address`, too: a backend that was removed and another one of its \
         name have counters of their own. A removed backend is shown as long as `status` shows it. Of metrics with the label \
         `state`, `verdict` (of a backend) or `phase` there is one series for each backend or VIP, the one that is so: \
         `anycast_backend_state{state=\"down\"} == 1` finds those that are down.",
    );
    for (title, families) in SECTIONS {
        page.heading(2, title);
        page.table(["metric", "kind", "labels", "says"], families.iter().map(row));
    }
    hold("metrics.md", page);
}

fn row(Family { name, kind, labels, help }: &Family) -> [String; 4] {
    let labels: Vec<String> = labels.iter().map(|label| code(label)).collect();
    [code(name), kind.label().to_owned(), labels.join(", "), (*help).to_owned()]
}
