-- Work in flight as version 0009 writes it, clocks and exchanges among it: a message not split, one split in three, a repeat, a dead letter,
-- a case, and write-backs in every state that a crash can leave behind.
INSERT INTO crossdock.sources (tenant, source, position, received_total) VALUES ('seeded', 'supplier_edi', '7', 4);
INSERT INTO crossdock.raw_messages
    (tenant, id, source, key, name, media_type, headers, body, size, sha256, received_at, part_count)
VALUES
    ('seeded', '00000000-0000-0000-0000-000000000001', 'supplier_edi', 'k1', '855_1.edi', 'application/edi-x12', '{}',
     'ISA*', 4, 's1', '2026-11-20 14:00Z', NULL),
    ('seeded', '00000000-0000-0000-0000-000000000002', 'supplier_edi', 'k2', '855_2.edi', 'application/edi-x12', '{}',
     'ISA*', 4, 's2', '2026-11-20 14:01Z', 3),
    ('seeded', '00000000-0000-0000-0000-000000000003', 'supplier_edi', 'k3', '855_3.edi', 'application/edi-x12', '{}',
     'ISA*', 4, 's3', '2026-11-20 14:02Z', 1);
INSERT INTO crossdock.duplicates (tenant, id, source, raw_id, name, seen_at) VALUES
    ('seeded', '00000000-0000-0000-0000-000000000011', 'supplier_edi', '00000000-0000-0000-0000-000000000001',
     '855_1_again.edi', '2026-11-20 14:03Z');
INSERT INTO crossdock.parts (tenant, raw_id, ordinal, source, label, state) VALUES
    ('seeded', '00000000-0000-0000-0000-000000000002', 0, 'supplier_edi', '855 0001', 'processed'),
    ('seeded', '00000000-0000-0000-0000-000000000002', 1, 'supplier_edi', '855 0002', 'dead_lettered'),
    ('seeded', '00000000-0000-0000-0000-000000000002', 2, 'supplier_edi', '855 0003', 'in_flight'),
    ('seeded', '00000000-0000-0000-0000-000000000003', 0, 'supplier_edi', '855 0001', 'discarded');
INSERT INTO crossdock.dead_letter_groups
    (tenant, id, source, stage, code, template, template_version, state, created_at)
VALUES
    ('seeded', '00000000-0000-0000-0000-000000000091', 'supplier_edi', 'normalize', 'EDI.MAP_FAILURE',
     'no row for code ZZ', '1', 'open', '2026-11-20 14:04Z');
INSERT INTO crossdock.dead_letters
    (tenant, id, source, stage, code, error_class, sentence, remedy, place, label, raw_id, part, attempts, versions,
     state, created_at, group_id)
VALUES
    ('seeded', '00000000-0000-0000-0000-000000000021', 'supplier_edi', 'normalize', 'EDI.MAP_FAILURE', 'Unreadable',
     'no row for code ZZ', 'add the row, then replay', '{}', '855 0002', '00000000-0000-0000-0000-000000000002', 1, 1,
     '{}', 'open', '2026-11-20 14:04Z', '00000000-0000-0000-0000-000000000091');
INSERT INTO crossdock.cases
    (tenant, id, fold_key, code, severity, state, title, subject, refs, queue, owner, priority, occurrences, opened_at,
     last_seen_at)
VALUES
    ('seeded', '00000000-0000-0000-0000-000000000031', 'f1', 'SUPPLY.BACKORDER', 'high', 'open', 'Backordered',
     'supplier_po/4500123456', '{po:4500123456}', 'purchasing', 'purchasing', 2, 1, '2026-11-20 14:04Z',
     '2026-11-20 14:04Z');
INSERT INTO crossdock.write_backs
    (tenant, id, case_id, target, operation, idempotency_key, subject, body, body_sha256, media_type, headers, state,
     next_attempt_at, lease_until, receipt, attempt, created_at, updated_at)
VALUES
    ('seeded', '00000000-0000-0000-0000-000000000041', '00000000-0000-0000-0000-000000000031', 'erp', 'note', 'i1',
     'supplier_po/4500123456', '{}', 's', 'application/json', '{}', 'ready', '2026-11-20 14:05Z', NULL, NULL, 0,
     '2026-11-20 14:04Z', '2026-11-20 14:04Z'),
    ('seeded', '00000000-0000-0000-0000-000000000042', '00000000-0000-0000-0000-000000000031', 'erp', 'note', 'i2',
     'supplier_po/4500123456', '{}', 's', 'application/json', '{}', 'sending', NULL, '2026-11-20 14:06Z', NULL, 1,
     '2026-11-20 14:04Z', '2026-11-20 14:05Z'),
    ('seeded', '00000000-0000-0000-0000-000000000043', '00000000-0000-0000-0000-000000000031', 'erp', 'hold', 'i3',
     'supplier_po/4500123456', '{}', 's', 'application/json', '{}', 'unsure', NULL, NULL, NULL, 1,
     '2026-11-20 14:04Z', '2026-11-20 14:05Z'),
    ('seeded', '00000000-0000-0000-0000-000000000044', '00000000-0000-0000-0000-000000000031', 'erp', 'hold', 'i4',
     'supplier_po/4500123456', '{}', 's', 'application/json', '{}', 'delivered', NULL, NULL, '{"id": "N-1"}', 1,
     '2026-11-20 14:04Z', '2026-11-20 14:05Z');
INSERT INTO crossdock.facts (tenant, id, raw_id, part, kind, subject, document, recorded_at, refs) VALUES
    ('seeded', '00000000-0000-0000-0000-000000000051', '00000000-0000-0000-0000-000000000002', 0, 'ordered',
     'supplier_po/4500123456', '{"data": {"refs": [{"kind": "supplier_po", "value": "4500123456"}]}}',
     '2026-11-20 14:04Z', '{supplier_po:4500123456}');
INSERT INTO crossdock.clocks
    (tenant, id, pair, partner, subject, refs, started_by, raw_id, part, started_at, due_at, limit_text, state)
VALUES
    ('seeded', '00000000-0000-0000-0000-000000000061', 'acknowledge_order', 'acme_supply', 'supplier_po/4500123456',
     '{supplier_po:4500123456}', '00000000-0000-0000-0000-000000000051', '00000000-0000-0000-0000-000000000002', 0,
     '2026-11-20 14:04Z', '2026-11-21 14:04Z', '1 day', 'waiting');
INSERT INTO crossdock.exchanges
    (tenant, id, direction, partner, identity, interchange_number, application, functional_id, group_number, set_id, set_number, release,
     interchange_sha256, raw_id, write_back_id, part, at, state, answer_due_at)
VALUES
    ('seeded', '00000000-0000-0000-0000-000000000071', 'in', 'acme_supply', 'ZZ/ACMESUPPLY', '000004101', 'ACMESUPPLY', 'PR', '4101', '855', '0001',
     '004010', 's2', '00000000-0000-0000-0000-000000000002', NULL, 0, '2026-11-20 14:01Z', 'received', NULL),
    ('seeded', '00000000-0000-0000-0000-000000000072', 'out', 'acme_supply', '', '000000001', '', 'PO', '1', '850', '0001',
     '004010', 's9', NULL, '00000000-0000-0000-0000-000000000041', 0, '2026-11-20 14:05Z', 'waiting',
     '2026-11-21 14:05Z');
INSERT INTO crossdock.redrives
    (tenant, id, set_key, asked, replay_as, per_second, total, state, paced_until, created_at, created_by)
VALUES
    ('seeded', '00000000-0000-0000-0000-000000000092', 'k', '{"code": "EDI.MAP_FAILURE"}', 'now', 10, 1, 'running',
     '2026-11-20 14:05Z', '2026-11-20 14:05Z', 'anna');
INSERT INTO crossdock.redrive_items (tenant, redrive_id, letter_id, ordinal, state) VALUES
    ('seeded', '00000000-0000-0000-0000-000000000092', '00000000-0000-0000-0000-000000000021', 0, 'waiting');
INSERT INTO crossdock.payload_versions
    (tenant, id, letter_id, raw_id, part, number, body, sha256, diff, actor, reason, at)
VALUES
    ('seeded', '00000000-0000-0000-0000-000000000093', '00000000-0000-0000-0000-000000000021',
     '00000000-0000-0000-0000-000000000002', 1, 2, 'ST*', 's', '', 'anna', 'a code was wrong', '2026-11-20 14:05Z');
INSERT INTO crossdock.audit
    (tenant, id, at, actor, action, object_kind, object_id, reason, seq, key_id, hash)
VALUES
    ('seeded', '00000000-0000-0000-0000-000000000061', '2026-11-19 09:00Z', 'maria', 'dead_letter.discard', 'dead_letter',
     '00000000-0000-0000-0000-000000000099', 'from before the chain', NULL, NULL, NULL),
    ('seeded', '00000000-0000-0000-0000-000000000062', '2026-11-20 14:05Z', 'crossdock', 'audit.old_rows_sealed', 'audit',
     'seeded', NULL, 1, 'unkeyed', 'h1');
INSERT INTO crossdock.audit_heads (tenant, seq, key_id, hash, anchored_seq, anchored_at) VALUES
    ('seeded', 1, 'unkeyed', 'h1', 1, '2026-11-20 14:06Z');
INSERT INTO crossdock.approvals
    (tenant, id, write_back_id, kind, target, operation, subject, body_sha256, attempt, asked_by, asked_principal, reason,
     asked_at, expires_at, state, decided_by, decided_principal, decided_at, words)
VALUES
    ('seeded', '00000000-0000-0000-0000-000000000081', '00000000-0000-0000-0000-000000000043', 'send_again', 'erp', 'hold',
     'supplier_po/4500123456', 's', 1, 'Ann', 'ann', 'the ERP shows nothing', '2026-11-20 14:06Z', '2026-11-21 14:06Z',
     'declined', 'Bob', 'bbo', '2026-11-20 14:07Z', 'look again'),
    ('seeded', '00000000-0000-0000-0000-000000000082', '00000000-0000-0000-0000-000000000043', 'send_again', 'erp', 'hold',
     'supplier_po/4500123456', 's', 1, 'Ann', 'ann', 'looked again', '2026-11-20 14:08Z', '2026-11-21 14:08Z',
     'asked', NULL, NULL, NULL, NULL);
INSERT INTO crossdock.read_backs (tenant, write_back_id, number, phase, asked_by, at, next_at, answer, reason) VALUES
    ('seeded', '00000000-0000-0000-0000-000000000043', 1, 'asked', 'crossdock', '2026-11-20 14:06Z', '2026-11-20 14:07Z',
     NULL, NULL),
    ('seeded', '00000000-0000-0000-0000-000000000043', 1, 'answered', 'crossdock', '2026-11-20 14:06Z', NULL,
     'no_answer', 'connection refused');
INSERT INTO crossdock.sagas (tenant, id, case_id, decision_id, rule, state, reason, opened_at, updated_at) VALUES
    ('seeded', '00000000-0000-0000-0000-000000000091', '00000000-0000-0000-0000-000000000031',
     '00000000-0000-0000-0000-000000000092', 'main/export-block', 'running', NULL, '2026-11-20 14:04Z',
     '2026-11-20 14:04Z');
INSERT INTO crossdock.saga_steps
    (tenant, saga_id, ordinal, write_back_id, undo, undo_target, undo_operation, undo_subject, undo_body,
     undo_media_type, undo_headers)
VALUES
    ('seeded', '00000000-0000-0000-0000-000000000091', 0, '00000000-0000-0000-0000-000000000044', 'operation', 'erp',
     'release', 'supplier_po/4500123456', '{}', 'application/json', '{}'),
    ('seeded', '00000000-0000-0000-0000-000000000091', 1, '00000000-0000-0000-0000-000000000041', 'nothing', NULL, NULL,
     NULL, NULL, NULL, NULL);
-- events that nobody has emitted yet, one that is refused and one that is in the feed; a consumer that rotates its token; a
-- webhook whose messages wait, are being sent and failed; one that was switched off; a broker in the middle of a batch.
INSERT INTO crossdock.emissions (tenant, event_id, state, position, published_at) VALUES
    ('seeded', '00000000-0000-0000-0000-000000000081', 'published', 1, '2026-11-20 14:04Z'),
    ('seeded', '00000000-0000-0000-0000-000000000082', 'refused', NULL, NULL),
    ('seeded', '00000000-0000-0000-0000-000000000083', 'waiting', NULL, NULL);
INSERT INTO crossdock.feed_heads (tenant, last) VALUES ('seeded', 1);
INSERT INTO crossdock.consumers
    (tenant, id, name, token_sha256, previous_sha256, previous_until, state, created_at, created_by)
VALUES
    ('seeded', '00000000-0000-0000-0000-000000000084', 'planning', 'h2', 'h1', '2026-11-21 14:04Z', 'active',
     '2026-11-20 14:04Z', 'ann');
INSERT INTO crossdock.webhooks
    (tenant, id, name, url, filter, connection, ordered, internal, state, reason, position, created_at, created_by,
     updated_at)
VALUES
    ('seeded', '00000000-0000-0000-0000-000000000085', 'planning', 'https://planning.example/in', '{}', 'planning_hook',
     true, false, 'active', NULL, 1, '2026-11-20 14:04Z', 'ann', '2026-11-20 14:04Z'),
    ('seeded', '00000000-0000-0000-0000-000000000086', 'gone', 'https://gone.example/in', '{}', 'gone_hook',
     false, false, 'disabled', 'it answered 410', 1, '2026-11-20 14:04Z', 'ann', '2026-11-20 14:04Z');
INSERT INTO crossdock.webhook_messages
    (tenant, id, webhook_id, event_id, position, partition_key, state, attempt, lease_until, next_attempt_at, created_at,
     updated_at)
VALUES
    ('seeded', '00000000-0000-0000-0000-000000000087', '00000000-0000-0000-0000-000000000085',
     '00000000-0000-0000-0000-000000000081', 1, 'k', 'waiting', 1, NULL, '2026-11-20 14:09Z', '2026-11-20 14:04Z',
     '2026-11-20 14:04Z'),
    ('seeded', '00000000-0000-0000-0000-000000000088', '00000000-0000-0000-0000-000000000085',
     '00000000-0000-0000-0000-000000000082', 2, 'k', 'sending', 1, '2026-11-20 14:06Z', NULL, '2026-11-20 14:04Z',
     '2026-11-20 14:05Z'),
    ('seeded', '00000000-0000-0000-0000-000000000089', '00000000-0000-0000-0000-000000000086',
     '00000000-0000-0000-0000-000000000081', 1, 'k', 'failed', 10, NULL, NULL, '2026-11-20 14:04Z', '2026-11-20 14:05Z');
INSERT INTO crossdock.webhook_attempts (tenant, message_id, attempt, phase, outcome, status, reason, at) VALUES
    ('seeded', '00000000-0000-0000-0000-000000000088', 1, 'intent', NULL, NULL, NULL, '2026-11-20 14:05Z');
INSERT INTO crossdock.brokers (tenant, name, position, fence, lease_until, created_at) VALUES
    ('seeded', 'lake', 0, 3, '2026-11-20 14:06Z', '2026-11-20 14:04Z');
-- Targets: one whose circuit is open, one whose login was refused, and a switch that was thrown.
INSERT INTO crossdock.targets (tenant, target, state, failures, rests, why, since, probe_at) VALUES
    ('seeded', 'erp', 'open', 5, 1, '5 calls in a row failed', '2026-11-20 14:05Z', '2026-11-20 14:06Z');
INSERT INTO crossdock.targets (tenant, target, state, rests, why, by, since, probe_at) VALUES
    ('seeded', 'supplier_edi', 'paused', 1, '401', 'crossdock', '2026-11-20 14:05Z', '2026-11-20 14:06Z');
INSERT INTO crossdock.stops (tenant, target, operation, stopped, by, reason, at) VALUES
    ('seeded', 'erp', 'hold', true, 'ann', 'wrong orders', '2026-11-20 14:05Z');
-- Expected feeds: one that is awaited, one that did not come, and a source that is watched.
INSERT INTO crossdock.awaited (tenant, id, kind, feed, declared, opens_at, due_at, wanted, state, noted_at) VALUES
    ('seeded', '00000000-0000-0000-0000-000000000091', 'feed', 'acme_supply/846',
     '846 from Acme Supply Co. every weekday by 06:00 America/Chicago', '2026-11-22 00:00Z', '2026-11-23 12:00Z', 1,
     'waiting', '2026-11-20 14:04Z'),
    ('seeded', '00000000-0000-0000-0000-000000000092', 'source', 'erp', 'it was never silent for so long',
     '2026-11-20 14:04Z', '2026-11-27 14:04Z', 1, 'waiting', '2026-11-21 14:04Z');
INSERT INTO crossdock.awaited
    (tenant, id, kind, feed, declared, opens_at, due_at, wanted, state, noted_at, asked_at, event_id)
VALUES
    ('seeded', '00000000-0000-0000-0000-000000000093', 'feed', 'northstar_3pl/846',
     '846 from Northstar Logistics every weekday by 06:00 America/Chicago', '2026-11-19 00:00Z', '2026-11-20 12:00Z', 1,
     'missing', '2026-11-19 14:04Z', '2026-11-20 12:00Z', '00000000-0000-0000-0000-000000000094');
INSERT INTO crossdock.listed_rows
    (tenant, raw_id, part, document, partner, number, verdict, key_sha256, content_sha256, before_raw_id, before_number,
     troubles, said_at)
VALUES
    ('seeded', '00000000-0000-0000-0000-000000000002', 0, 'supplier_backorders', 'acme_supply', 2, 'taken', 'k', 'c', NULL,
     NULL, '[]', '2026-11-20 14:01Z'),
    ('seeded', '00000000-0000-0000-0000-000000000002', 1, 'supplier_backorders', 'acme_supply', 3, 'waiting', 'k2', 'c2',
     NULL, NULL, '[{"code": "ROW.WAITING", "field": "", "sentence": "it is kept", "remedy": "nothing"}]',
     '2026-11-20 14:01Z'),
    ('seeded', '00000000-0000-0000-0000-000000000003', 0, 'supplier_backorders', 'acme_supply', 2, 'repeated', 'k', 'c',
     '00000000-0000-0000-0000-000000000002', 2, '[]', '2026-11-20 14:02Z');
-- What was shipped and has not arrived: a carrier is asked about it.
INSERT INTO crossdock.facts (tenant, id, raw_id, part, kind, subject, document, recorded_at, refs) VALUES
    ('seeded', '00000000-0000-0000-0000-000000000052', '00000000-0000-0000-0000-000000000002', 0, 'shipped', 'asn/A-1',
     '{"data": {"refs": [{"kind": "asn", "value": "A-1"}, {"kind": "tracking", "value": "1Z7X58A00394417201"}]}}',
     '2026-11-20 14:05Z', '{asn:A-1,tracking:1Z7X58A00394417201}');
