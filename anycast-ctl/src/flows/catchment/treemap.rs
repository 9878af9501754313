//! Rectangles whose areas are as their weights, as square as may be: Bruls, Huizing and van Wijk, "Squarified Treemaps" (2000).

/// A rectangle, in whatever unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rectangle {
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

/// Divides a rectangle by weights, which are positive and sorted, the heaviest first. One rectangle for each, in their order.
pub fn divide(weights: &[f64], whole: Rectangle) -> Vec<Rectangle> {
    let total: f64 = weights.iter().sum();
    let scale = whole.width * whole.height / total;
    let mut areas: &[f64] = &weights.iter().map(|weight| weight * scale).collect::<Vec<f64>>();
    let (mut left, mut parts) = (whole, Vec::with_capacity(weights.len()));
    while !areas.is_empty() {
        let side = left.width.min(left.height);
        let mut taken = 1;
        while taken < areas.len() && worst(row(areas, taken + 1), side) <= worst(row(areas, taken), side) {
            taken += 1;
        }
        let (row, rest) = areas.split_at(taken);
        left = lay(row, left, &mut parts);
        areas = rest;
    }
    parts
}

fn row(areas: &[f64], taken: usize) -> &[f64] {
    areas.get(..taken).unwrap_or(areas)
}

/// How far from a square the worst of a row is.
fn worst(row: &[f64], side: f64) -> f64 {
    let sum: f64 = row.iter().sum();
    let ratio = |area: f64| {
        let ratio = side * side * area / (sum * sum);
        ratio.max(1.0 / ratio)
    };
    row.iter().copied().map(ratio).fold(1.0, f64::max)
}

/// Lays a row along the shorter side. Returns what is left.
fn lay(row: &[f64], left: Rectangle, parts: &mut Vec<Rectangle>) -> Rectangle {
    let Rectangle { x, y, width, height } = left;
    let sum: f64 = row.iter().sum();
    let mut at = 0.0;
    if width >= height {
        let depth = if height > 0.0 { (sum / height).min(width) } else { 0.0 };
        for area in row {
            let length = if sum > 0.0 { height * area / sum } else { 0.0 };
            parts.push(Rectangle { x, y: y + at, width: depth, height: length });
            at += length;
        }
        Rectangle { x: x + depth, width: width - depth, ..left }
    } else {
        let depth = if width > 0.0 { (sum / width).min(height) } else { 0.0 };
        for area in row {
            let length = if sum > 0.0 { width * area / sum } else { 0.0 };
            parts.push(Rectangle { x: x + at, y, width: length, height: depth });
            at += length;
        }
        Rectangle { y: y + depth, height: height - depth, ..left }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The example of the paper: areas 6, 6, 4, 3, 2, 2, 1 in a rectangle of 6 by 4.
    #[test]
    fn the_published_example_comes_out() {
        let whole = Rectangle { x: 0.0, y: 0.0, width: 6.0, height: 4.0 };
        let parts = divide(&[6.0, 6.0, 4.0, 3.0, 2.0, 2.0, 1.0], whole);
        let sizes: Vec<(f64, f64)> =
            parts.iter().map(|part| ((part.width * 100.0).round(), (part.height * 100.0).round())).collect();
        assert_eq!(
            sizes,
            [
                (300.0, 200.0),
                (300.0, 200.0),
                (171.0, 233.0),
                (129.0, 233.0),
                (120.0, 167.0),
                (120.0, 167.0),
                (60.0, 167.0)
            ]
        );
    }

    proptest! {
        #[test]
        fn areas_are_as_weights_and_fill_the_whole(
            mut weights in proptest::collection::vec(1_u32..1_000_000, 1..200),
        ) {
            weights.sort_unstable_by(|one, other| other.cmp(one));
            let weights: Vec<f64> = weights.into_iter().map(f64::from).collect();
            let whole = Rectangle { x: 10.0, y: 20.0, width: 900.0, height: 500.0 };
            let parts = divide(&weights, whole);
            prop_assert_eq!(parts.len(), weights.len());
            let total: f64 = weights.iter().sum();
            for (part, weight) in parts.iter().zip(&weights) {
                let area = part.width * part.height;
                let wanted = weight / total * 450_000.0;
                prop_assert!((area - wanted).abs() < 1e-3 * wanted + 1e-3, "{:?} {}", part, wanted);
                prop_assert!(part.x > 9.99 && part.y > 19.99);
                prop_assert!(part.x + part.width < 910.01 && part.y + part.height < 520.01);
            }
        }
    }
}
