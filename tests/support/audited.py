"""What holds of every audit log, whatever was done."""
import collections

import lab


def outcomes(gateway):
    """Waits until every session has ended; returns what is decided and has not exactly one outcome."""
    lab.wait_until(lambda: len(gateway.audit("session.end")) == len(gateway.audit("session.start")), "all sessions ended", 20)
    done = collections.Counter(record["query_id"] for record in gateway.audit("statement.done"))
    return [f"{done[record['query_id']]} outcomes: {record.get('db.query.text')!r}" for record in gateway.audit("statement.decided")
            if record["decision.effect"] != "deny" and done[record["query_id"]] != 1]
