//! What a page asks for.

pub(super) const STATE: &str =
    "SELECT s.layout_version, coalesce((SELECT max(seq) FROM metric_batches WHERE org_id = a.org_id), 0), o.time_zone
     FROM authority AS a JOIN org_state AS s ON s.org_id = a.org_id JOIN organizations AS o ON o.org_id = a.org_id";

pub(super) const KNOWN: &str = "SELECT t.series_id FROM json_each(?2) AS w
     CROSS JOIN time_series AS t ON t.org_id = (SELECT org_id FROM authority) AND t.series_id = w.value
     WHERE t.deleted_seq IS NULL";

// `instr` only spares the transport of most batches that hold nothing of the series; decoding decides
pub(super) const BATCHES: &str = "SELECT b.seq, b.blob, p.last
     FROM (SELECT seq, length(blob) AS size, sum(length(blob)) OVER (ORDER BY seq) AS total, max(seq) OVER () AS last
           FROM metric_batches
           WHERE org_id = (SELECT org_id FROM authority)
             AND seq > max(?2, (SELECT compacted_seq FROM org_state WHERE org_id = (SELECT org_id FROM authority)))
             AND seq <= ?3 AND (?4 IS NULL OR instr(blob, ?4) > 0)) AS p
     CROSS JOIN metric_batches AS b ON b.org_id = (SELECT org_id FROM authority) AND b.seq = p.seq
     WHERE p.total <= ?5 OR p.total = p.size
     ORDER BY b.seq";

// where the page goes on is not written as `(bucket, start_ts) > (?3, ?4)`: some versions of SQLite would
// walk that range, all of the organization's rows, for each bucket
pub(super) const SEGMENTS: &str = "SELECT g.bucket, g.start_ts, g.blob FROM json_each(?2) AS w
     CROSS JOIN metric_segments AS g ON g.org_id = (SELECT org_id FROM authority) AND g.bucket = w.value
       AND g.start_ts > iif(w.value = ?3, ?4, -9223372036854775808)
     WHERE w.value >= ?3
       AND w.value < (SELECT 2 << bucket_bits FROM org_state WHERE org_id = (SELECT org_id FROM authority))
       AND g.end_ts >= ?5 AND g.start_ts < ?6
     ORDER BY g.bucket, g.start_ts LIMIT ?7";

pub(super) const CHUNKS: &str = "SELECT series_id, start_ts, end_ts, blob FROM metrics
     WHERE org_id = (SELECT org_id FROM authority) AND series_id = ?2 AND start_ts > ?3
       AND start_ts >= coalesce((SELECT max(start_ts) FROM metrics
           WHERE org_id = (SELECT org_id FROM authority) AND series_id = ?2 AND start_ts <= ?4), ?4)
       AND end_ts >= ?4 AND start_ts < ?5
     ORDER BY start_ts LIMIT ?6";

// the last column: whether the series has chunks before these
pub(super) const LAST_CHUNKS: &str = "SELECT m.series_id, m.start_ts, m.end_ts, m.blob,
         EXISTS (SELECT 1 FROM metrics AS e
             WHERE e.org_id = m.org_id AND e.series_id = m.series_id AND e.start_ts < m.start_ts)
     FROM (SELECT start_ts, points, sum(points) OVER (ORDER BY start_ts DESC) AS total
           FROM (SELECT start_ts, points FROM metrics
                 WHERE org_id = (SELECT org_id FROM authority) AND series_id = ?2 ORDER BY start_ts DESC LIMIT ?4)) AS p
     CROSS JOIN metrics AS m ON m.org_id = (SELECT org_id FROM authority) AND m.series_id = ?2 AND m.start_ts = p.start_ts
     WHERE p.total - p.points < ?3
     ORDER BY m.start_ts";

// two points at least, if there are so many: whoever asks for the newest also asks for the one before
pub(super) const NEWEST_CHUNKS: &str = "SELECT m.series_id, m.start_ts, m.end_ts, m.blob FROM json_each(?2) AS w
     CROSS JOIN metrics AS m ON m.org_id = (SELECT org_id FROM authority) AND m.series_id = w.value
     WHERE m.start_ts >= coalesce((SELECT o.start_ts FROM metrics AS o
         WHERE o.org_id = m.org_id AND o.series_id = m.series_id AND o.points > 1 ORDER BY o.start_ts DESC LIMIT 1), m.start_ts)
     ORDER BY m.series_id, m.start_ts";

// the newest chunks of each series, as many as hold ?5 points and at most ?6, from ?8 on; a page of them in bytes. The last column:
// how many there are from here on
pub(super) const RECENT_CHUNKS: &str = "SELECT m.series_id, m.start_ts, m.end_ts, m.blob, p.rows
     FROM (SELECT c.series_id, c.start_ts, length(c.blob) AS size, count(*) OVER () AS rows,
             sum(length(c.blob)) OVER (ORDER BY c.series_id, c.start_ts) AS total
           FROM json_each(?2) AS w
           CROSS JOIN metrics AS c ON c.org_id = (SELECT org_id FROM authority) AND c.series_id = w.value
             AND c.start_ts >= max(iif(w.value = ?3, ?4, -9223372036854775808), coalesce(
               (SELECT coalesce(max(iif(e.total >= ?5, e.start_ts, NULL)), min(e.start_ts))
                FROM (SELECT start_ts, sum(points) OVER (ORDER BY start_ts DESC) AS total
                      FROM (SELECT start_ts, points FROM metrics
                            WHERE org_id = (SELECT org_id FROM authority) AND series_id = w.value
                            ORDER BY start_ts DESC LIMIT ?6)) AS e), -9223372036854775808))
           WHERE w.value >= ?3 AND c.end_ts >= ?8) AS p
     CROSS JOIN metrics AS m ON m.org_id = (SELECT org_id FROM authority) AND m.series_id = p.series_id AND m.start_ts = p.start_ts
     WHERE p.total <= ?7 OR p.total = p.size
     ORDER BY m.series_id, m.start_ts";
