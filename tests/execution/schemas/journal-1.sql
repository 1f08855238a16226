BEGIN TRANSACTION;
CREATE TABLE batch (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    origin TEXT NOT NULL,
    title TEXT NOT NULL,
    inbox TEXT,
    started REAL NOT NULL,
    finished REAL,
    state TEXT NOT NULL CHECK (state IN ('open', 'done')),
    undoes TEXT NOT NULL DEFAULT '[]',
    undone_by INTEGER REFERENCES batch (id),
    hold TEXT,
    model_id TEXT NOT NULL DEFAULT '',
    rules_digest TEXT NOT NULL DEFAULT ''
) STRICT;
INSERT INTO "batch" VALUES(1,'pack','Pack','inbox',1.79587209499666333204e+09,1.79587209501725602149e+09,'done','[]',2,NULL,'','');
INSERT INTO "batch" VALUES(2,'undo','undo of 1',NULL,1.7958720950196852684e+09,1.79587209503597164156e+09,'done','[1]',NULL,'/music/inbox','','');
INSERT INTO "batch" VALUES(3,'pack','Pack','inbox',1.79587209503837704656e+09,NULL,'open','[]',NULL,NULL,'','');
CREATE TABLE hold (
    path TEXT NOT NULL,
    operation INTEGER NOT NULL REFERENCES operation (id),
    inode TEXT NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    content_hash TEXT NOT NULL,
    complete INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (path, operation)
) STRICT;
INSERT INTO "hold" VALUES('/music/inbox/Pack/d.wav',18,'2638151',6660,1400000000123456789,'b2:683eed59783cab560432bd00462b43d1',1);
INSERT INTO "hold" VALUES('/music/inbox/Pack/c.txt',19,'2638155',7,1400000000124456790,'b2:5b255fff863a95957bca6361c45e4a65',1);
INSERT INTO "hold" VALUES('/music/inbox/Pack/Sub/b.flac',21,'2638159',3993,1400000000127456793,'b2:9a7e64b0436e65c88411c751106ee9cc',1);
INSERT INTO "hold" VALUES('/music/inbox/Pack/a.wav.asd',25,'2638152',25,1400000000125456791,'b2:c2e08b7ed064a3d7c470d2b87379216e',1);
INSERT INTO "hold" VALUES('/music/inbox/Pack/a.wav',26,'2638149',4454,1400000000126456792,'b2:ec9f89914b895e26dc2c354c7ddf8209',1);
CREATE TABLE operation (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    batch INTEGER NOT NULL REFERENCES batch (id),
    kind TEXT NOT NULL,
    source TEXT NOT NULL,
    target TEXT,
    data TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('planned', 'open', 'done', 'failed', 'skipped')),
    error TEXT NOT NULL DEFAULT '',
    hint TEXT NOT NULL DEFAULT '',
    lasting INTEGER NOT NULL DEFAULT 1,
    changed REAL NOT NULL,
    stamp_after TEXT,
    hash_after TEXT NOT NULL DEFAULT '',
    hash_before TEXT NOT NULL DEFAULT '',
    patch BLOB,
    temp TEXT,
    temp_inode TEXT,
    reserved_inode TEXT
) STRICT;
INSERT INTO "operation" VALUES(1,1,'keep-folder-time','/music/inbox/Pack',NULL,'{"path": "/music/inbox/Pack", "mtime_ns": 1400000000123456866}','done','','',1,1.79587209501636815072e+09,NULL,'','',NULL,NULL,NULL,NULL);
INSERT INTO "operation" VALUES(2,1,'keep-folder-time','/music/inbox/Pack/Sub',NULL,'{"path": "/music/inbox/Pack/Sub", "mtime_ns": 1400000000128456794}','done','','',1,1.79587209501636815072e+09,NULL,'','',NULL,NULL,NULL,NULL);
INSERT INTO "operation" VALUES(3,1,'make-folder','/music/library/Kicks',NULL,'{"path": "/music/library/Kicks", "mode": null}','done','','',1,1.79587209501636815072e+09,NULL,'','',NULL,NULL,NULL,NULL);
INSERT INTO "operation" VALUES(4,1,'make-folder','/music/library/Copies',NULL,'{"path": "/music/library/Copies", "mode": null}','done','','',1,1.79587209501636815072e+09,NULL,'','',NULL,NULL,NULL,NULL);
INSERT INTO "operation" VALUES(5,1,'move','/music/inbox/Pack/a.wav','/music/library/Kicks/a.wav','{"source": "/music/inbox/Pack/a.wav", "target": "/music/library/Kicks/a.wav", "stamp": [4454, 1400000000126456792, 2638149, 65024], "content_hash": "b2:ec9f89914b895e26dc2c354c7ddf8209", "rule": "test"}','done','','',1,1.79587209501636815072e+09,'[4454, 1400000000126456792, 2638149, 65024]','b2:ec9f89914b895e26dc2c354c7ddf8209','',NULL,NULL,NULL,NULL);
INSERT INTO "operation" VALUES(6,1,'move','/music/inbox/Pack/a.wav.asd','/music/library/Kicks/a.wav.asd','{"source": "/music/inbox/Pack/a.wav.asd", "target": "/music/library/Kicks/a.wav.asd", "stamp": [25, 1400000000125456791, 2638152, 65024], "content_hash": "b2:c2e08b7ed064a3d7c470d2b87379216e", "rule": "test"}','done','','',1,1.79587209501636815072e+09,'[25, 1400000000125456791, 2638152, 65024]','b2:c2e08b7ed064a3d7c470d2b87379216e','',NULL,NULL,NULL,NULL);
INSERT INTO "operation" VALUES(7,1,'write-tags','/music/library/Kicks/a.wav',NULL,'{"path": "/music/library/Kicks/a.wav", "content_hash": "b2:ec9f89914b895e26dc2c354c7ddf8209", "sound_id": "pcm:d06de32741f5545e25f73decfc74b6f7", "tags": {"genre": "Kick", "label": "kick"}, "mode": "fill", "rule": "test"}','done','','',1,1.79587209501636815072e+09,'[5576, 1400000000126456792, 2638174, 65024]','b2:b08b2e50c361870c1db2beb0dcf06460','b2:ec9f89914b895e26dc2c354c7ddf8209',X'4F503128B52FFD242ED5000078000006000000524946465E110660110300456D5C33F332C002F2252A56','/music/library/Kicks/.organizer-a8d3016ab4069b56.tmp','2638174',NULL);
INSERT INTO "operation" VALUES(8,1,'copy','/music/library/Kicks/a.wav','/music/library/Copies/a.wav','{"source": "/music/library/Kicks/a.wav", "target": "/music/library/Copies/a.wav", "content_hash": "b2:ec9f89914b895e26dc2c354c7ddf8209", "rule": "test"}','done','','',1,1.79587209501636815072e+09,'[5576, 1400000000126456792, 2638149, 65024]','b2:b08b2e50c361870c1db2beb0dcf06460','',NULL,'/music/library/Copies/.organizer-8bdbd7a38dd81ca9.tmp','2638149',NULL);
INSERT INTO "operation" VALUES(9,1,'write-sidecar','/music/library/Kicks/a.wav.organizer.json',NULL,'{"path": "/music/library/Kicks/a.wav.organizer.json", "content": "{\"label\": \"kick\"}\n", "rule": "test"}','done','','',1,1.79587209501636815072e+09,'[18, 1795872095007644125, 2638175, 65024]','b2:5a99132f9c15b4e89fe3e53c9128ea99','',NULL,'/music/library/Kicks/.organizer-0fe640832ba44929.tmp','2638175',NULL);
INSERT INTO "operation" VALUES(10,1,'move','/music/inbox/Pack/Sub/b.flac','/music/library/Kicks/b.flac','{"source": "/music/inbox/Pack/Sub/b.flac", "target": "/music/library/Kicks/b.flac", "stamp": [3993, 1400000000127456793, 2638150, 65024], "content_hash": "b2:9a7e64b0436e65c88411c751106ee9cc", "rule": "test"}','done','','',1,1.79587209501636815072e+09,'[3993, 1400000000127456793, 2638150, 65024]','b2:9a7e64b0436e65c88411c751106ee9cc','',NULL,NULL,NULL,NULL);
INSERT INTO "operation" VALUES(11,1,'write-tags','/music/library/Kicks/b.flac',NULL,'{"path": "/music/library/Kicks/b.flac", "content_hash": "b2:9a7e64b0436e65c88411c751106ee9cc", "sound_id": "pcm:c83dee305c4bc6d88504a965f80d1e0d", "tags": {"genre": "Hat", "comment": "bright"}, "mode": "fill", "rule": "test"}','done','','',1,1.79587209501636815072e+09,'[5055, 1400000000127456793, 2638176, 65024]','b2:e6297e5351c1968757f8100e8176e66f','b2:9a7e64b0436e65c88411c751106ee9cc',X'4F503128B52FFD24541501008800002A04000000840000282E247804470F060037370603AD326C66962B99B001163BF81D75','/music/library/Kicks/.organizer-292a4ac7f83b3741.tmp','2638176',NULL);
INSERT INTO "operation" VALUES(12,1,'move','/music/inbox/Pack/c.txt','/music/library/Kicks/c.txt','{"source": "/music/inbox/Pack/c.txt", "target": "/music/library/Kicks/c.txt", "stamp": [7, 1400000000124456790, 2638155, 65024], "content_hash": "b2:5b255fff863a95957bca6361c45e4a65", "rule": "test"}','done','','',1,1.79587209501636815072e+09,'[7, 1400000000124456790, 2638155, 65024]','b2:5b255fff863a95957bca6361c45e4a65','',NULL,NULL,NULL,NULL);
INSERT INTO "operation" VALUES(13,1,'move','/music/inbox/Pack/d.wav','/music/library/Kicks/d.wav','{"source": "/music/inbox/Pack/d.wav", "target": "/music/library/Kicks/d.wav", "stamp": [6660, 1400000000123456789, 2638151, 65024], "content_hash": "b2:683eed59783cab560432bd00462b43d1", "rule": "test"}','done','','',1,1.79587209501636815072e+09,'[6660, 1400000000123456789, 2638151, 65024]','b2:683eed59783cab560432bd00462b43d1','',NULL,NULL,NULL,NULL);
INSERT INTO "operation" VALUES(14,1,'remove-folder','/music/inbox/Pack/Sub',NULL,'{"path": "/music/inbox/Pack/Sub", "mode": 16877}','done','','',1,1.79587209501636815072e+09,NULL,'','',NULL,NULL,NULL,NULL);
INSERT INTO "operation" VALUES(15,1,'remove-folder','/music/inbox/Pack',NULL,'{"path": "/music/inbox/Pack", "mode": 16877}','done','','',1,1.79587209501636815072e+09,NULL,'','',NULL,NULL,NULL,NULL);
INSERT INTO "operation" VALUES(16,2,'make-folder','/music/inbox/Pack',NULL,'{"path": "/music/inbox/Pack", "mode": 16877}','done','','',1,1.7958720950333890915e+09,NULL,'','',NULL,NULL,NULL,NULL);
INSERT INTO "operation" VALUES(17,2,'make-folder','/music/inbox/Pack/Sub',NULL,'{"path": "/music/inbox/Pack/Sub", "mode": 16877}','done','','',1,1.7958720950333890915e+09,NULL,'','',NULL,NULL,NULL,NULL);
INSERT INTO "operation" VALUES(18,2,'move','/music/library/Kicks/d.wav','/music/inbox/Pack/d.wav','{"source": "/music/library/Kicks/d.wav", "target": "/music/inbox/Pack/d.wav", "stamp": [6660, 1400000000123456789, 2638151, 65024], "content_hash": "b2:683eed59783cab560432bd00462b43d1", "rule": "test"}','done','','',1,1.7958720950333890915e+09,'[6660, 1400000000123456789, 2638151, 65024]','b2:683eed59783cab560432bd00462b43d1','',NULL,NULL,NULL,NULL);
INSERT INTO "operation" VALUES(19,2,'move','/music/library/Kicks/c.txt','/music/inbox/Pack/c.txt','{"source": "/music/library/Kicks/c.txt", "target": "/music/inbox/Pack/c.txt", "stamp": [7, 1400000000124456790, 2638155, 65024], "content_hash": "b2:5b255fff863a95957bca6361c45e4a65", "rule": "test"}','done','','',1,1.7958720950333890915e+09,'[7, 1400000000124456790, 2638155, 65024]','b2:5b255fff863a95957bca6361c45e4a65','',NULL,NULL,NULL,NULL);
INSERT INTO "operation" VALUES(20,2,'restore-bytes','/music/library/Kicks/b.flac',NULL,'{"path": "/music/library/Kicks/b.flac", "content_hash": "b2:e6297e5351c1968757f8100e8176e66f", "restored_hash": "b2:9a7e64b0436e65c88411c751106ee9cc", "patch": "T1AxKLUv/SRUFQEAiAAAKgQAAACEAAAoLiR4BEcPBgA3NwYDrTJsZpYrmbABFjv4HXU=", "rule": "test"}','done','','',1,1.7958720950333890915e+09,'[3993, 1400000000127456793, 2638159, 65024]','b2:9a7e64b0436e65c88411c751106ee9cc','b2:e6297e5351c1968757f8100e8176e66f',X'4F503128B52FFD647A037D0200740300002A04472E2426040000020000000900000047454E52453D4861740E000000434F4D4D454E543D627269676874810004030052470F000800360BAE648CFB7155AF643133E36EB0954CD8000B940A8E32','/music/library/Kicks/.organizer-5f6937e09233f67d.tmp','2638159',NULL);
INSERT INTO "operation" VALUES(21,2,'move','/music/library/Kicks/b.flac','/music/inbox/Pack/Sub/b.flac','{"source": "/music/library/Kicks/b.flac", "target": "/music/inbox/Pack/Sub/b.flac", "stamp": [3993, 1400000000127456793, 2638150, 65024], "content_hash": "b2:9a7e64b0436e65c88411c751106ee9cc", "rule": "test"}','done','','',1,1.7958720950333890915e+09,'[3993, 1400000000127456793, 2638159, 65024]','b2:9a7e64b0436e65c88411c751106ee9cc','',NULL,NULL,NULL,NULL);
INSERT INTO "operation" VALUES(22,2,'remove-sidecar','/music/library/Kicks/a.wav.organizer.json',NULL,'{"path": "/music/library/Kicks/a.wav.organizer.json", "content": "{\"label\": \"kick\"}\n", "rule": "test"}','done','','',1,1.7958720950333890915e+09,NULL,'','',NULL,NULL,NULL,NULL);
INSERT INTO "operation" VALUES(23,2,'remove-copy','/music/library/Copies/a.wav',NULL,'{"path": "/music/library/Copies/a.wav", "original": "/music/library/Kicks/a.wav", "content_hash": "b2:b08b2e50c361870c1db2beb0dcf06460", "rule": "test"}','done','','',1,1.7958720950333890915e+09,NULL,'','',NULL,NULL,NULL,NULL);
INSERT INTO "operation" VALUES(24,2,'restore-bytes','/music/library/Kicks/a.wav',NULL,'{"path": "/music/library/Kicks/a.wav", "content_hash": "b2:b08b2e50c361870c1db2beb0dcf06460", "restored_hash": "b2:ec9f89914b895e26dc2c354c7ddf8209", "patch": "T1AxKLUv/SQu1QAAeAAABgAAAFJJRkZeEQZgEQMARW1cM/MywALyJSpW", "rule": "test"}','done','','',1,1.7958720950333890915e+09,'[4454, 1400000000126456792, 2638149, 65024]','b2:ec9f89914b895e26dc2c354c7ddf8209','b2:b08b2e50c361870c1db2beb0dcf06460',X'4F503128B52FFD64900365030032061520A03973FAFF6FFFFFFF8774DACF870044B053AD682F6BA317BD6FE6FB8D0A7E0A9575FDD944643E1DDDE6B4853217DDE8F0F79EF46A2495615D800787A284D4100416459B4D864542CD2084875298384E73570E0700FD71158CAB7AD179CF4DBB5606AE9979196001C1DAD3A9','/music/library/Kicks/.organizer-0f8b8c4a8fab7285.tmp','2638149',NULL);
INSERT INTO "operation" VALUES(25,2,'move','/music/library/Kicks/a.wav.asd','/music/inbox/Pack/a.wav.asd','{"source": "/music/library/Kicks/a.wav.asd", "target": "/music/inbox/Pack/a.wav.asd", "stamp": [25, 1400000000125456791, 2638152, 65024], "content_hash": "b2:c2e08b7ed064a3d7c470d2b87379216e", "rule": "test"}','done','','',1,1.7958720950333890915e+09,'[25, 1400000000125456791, 2638152, 65024]','b2:c2e08b7ed064a3d7c470d2b87379216e','',NULL,NULL,NULL,NULL);
INSERT INTO "operation" VALUES(26,2,'move','/music/library/Kicks/a.wav','/music/inbox/Pack/a.wav','{"source": "/music/library/Kicks/a.wav", "target": "/music/inbox/Pack/a.wav", "stamp": [4454, 1400000000126456792, 2638149, 65024], "content_hash": "b2:ec9f89914b895e26dc2c354c7ddf8209", "rule": "test"}','done','','',1,1.7958720950333890915e+09,'[4454, 1400000000126456792, 2638149, 65024]','b2:ec9f89914b895e26dc2c354c7ddf8209','',NULL,NULL,NULL,NULL);
INSERT INTO "operation" VALUES(27,2,'remove-folder','/music/library/Copies',NULL,'{"path": "/music/library/Copies", "mode": null}','done','','',1,1.7958720950333890915e+09,NULL,'','',NULL,NULL,NULL,NULL);
INSERT INTO "operation" VALUES(28,2,'remove-folder','/music/library/Kicks',NULL,'{"path": "/music/library/Kicks", "mode": null}','done','','',1,1.7958720950333890915e+09,NULL,'','',NULL,NULL,NULL,NULL);
INSERT INTO "operation" VALUES(29,2,'keep-folder-time','/music/inbox/Pack/Sub',NULL,'{"path": "/music/inbox/Pack/Sub", "mtime_ns": 1400000000128456794}','done','','',1,1.7958720950333890915e+09,NULL,'','',NULL,NULL,NULL,NULL);
INSERT INTO "operation" VALUES(30,2,'keep-folder-time','/music/inbox/Pack',NULL,'{"path": "/music/inbox/Pack", "mtime_ns": 1400000000123456866}','done','','',1,1.7958720950333890915e+09,NULL,'','',NULL,NULL,NULL,NULL);
INSERT INTO "operation" VALUES(31,3,'keep-folder-time','/music/inbox/Pack',NULL,'{"path": "/music/inbox/Pack", "mtime_ns": 1400000000123456866}','open','','',1,1.7958720950449256897e+09,NULL,'','',NULL,NULL,NULL,NULL);
INSERT INTO "operation" VALUES(32,3,'keep-folder-time','/music/inbox/Pack/Sub',NULL,'{"path": "/music/inbox/Pack/Sub", "mtime_ns": 1400000000128456794}','open','','',1,1.7958720950449256897e+09,NULL,'','',NULL,NULL,NULL,NULL);
INSERT INTO "operation" VALUES(33,3,'make-folder','/music/library/Kicks',NULL,'{"path": "/music/library/Kicks", "mode": null}','open','','',1,1.7958720950449256897e+09,NULL,'','',NULL,NULL,NULL,NULL);
INSERT INTO "operation" VALUES(34,3,'make-folder','/music/library/Copies',NULL,'{"path": "/music/library/Copies", "mode": null}','open','','',1,1.7958720950449256897e+09,NULL,'','',NULL,NULL,NULL,NULL);
INSERT INTO "operation" VALUES(35,3,'move','/music/inbox/Pack/a.wav','/music/library/Kicks/a.wav','{"source": "/music/inbox/Pack/a.wav", "target": "/music/library/Kicks/a.wav", "stamp": [4454, 1400000000126456792, 2638149, 65024], "content_hash": "b2:ec9f89914b895e26dc2c354c7ddf8209", "rule": "test"}','open','','',1,1.7958720950449256897e+09,NULL,'','',NULL,NULL,NULL,NULL);
INSERT INTO "operation" VALUES(36,3,'move','/music/inbox/Pack/a.wav.asd','/music/library/Kicks/a.wav.asd','{"source": "/music/inbox/Pack/a.wav.asd", "target": "/music/library/Kicks/a.wav.asd", "stamp": [25, 1400000000125456791, 2638152, 65024], "content_hash": "b2:c2e08b7ed064a3d7c470d2b87379216e", "rule": "test"}','open','','',1,1.7958720950449256897e+09,NULL,'','',NULL,NULL,NULL,NULL);
INSERT INTO "operation" VALUES(37,3,'write-tags','/music/library/Kicks/a.wav',NULL,'{"path": "/music/library/Kicks/a.wav", "content_hash": "b2:ec9f89914b895e26dc2c354c7ddf8209", "sound_id": "pcm:d06de32741f5545e25f73decfc74b6f7", "tags": {"genre": "Kick", "label": "kick"}, "mode": "fill", "rule": "test"}','open','','',1,1.7958720950449256897e+09,NULL,'b2:b08b2e50c361870c1db2beb0dcf06460','b2:ec9f89914b895e26dc2c354c7ddf8209',X'4F503128B52FFD242ED5000078000006000000524946465E110660110300456D5C33F332C002F2252A56','/music/library/Kicks/.organizer-6998e64b2a605def.tmp','2638174',NULL);
INSERT INTO "operation" VALUES(38,3,'copy','/music/library/Kicks/a.wav','/music/library/Copies/a.wav','{"source": "/music/library/Kicks/a.wav", "target": "/music/library/Copies/a.wav", "content_hash": "b2:ec9f89914b895e26dc2c354c7ddf8209", "rule": "test"}','open','','',1,1.7958720950449256897e+09,NULL,'','',NULL,NULL,NULL,NULL);
INSERT INTO "operation" VALUES(39,3,'write-sidecar','/music/library/Kicks/a.wav.organizer.json',NULL,'{"path": "/music/library/Kicks/a.wav.organizer.json", "content": "{\"label\": \"kick\"}\n", "rule": "test"}','open','','',1,1.7958720950449256897e+09,NULL,'','',NULL,NULL,NULL,NULL);
INSERT INTO "operation" VALUES(40,3,'move','/music/inbox/Pack/Sub/b.flac','/music/library/Kicks/b.flac','{"source": "/music/inbox/Pack/Sub/b.flac", "target": "/music/library/Kicks/b.flac", "stamp": [3993, 1400000000127456793, 2638159, 65024], "content_hash": "b2:9a7e64b0436e65c88411c751106ee9cc", "rule": "test"}','open','','',1,1.7958720950449256897e+09,NULL,'','',NULL,NULL,NULL,NULL);
INSERT INTO "operation" VALUES(41,3,'write-tags','/music/library/Kicks/b.flac',NULL,'{"path": "/music/library/Kicks/b.flac", "content_hash": "b2:9a7e64b0436e65c88411c751106ee9cc", "sound_id": "pcm:c83dee305c4bc6d88504a965f80d1e0d", "tags": {"genre": "Hat", "comment": "bright"}, "mode": "fill", "rule": "test"}','open','','',1,1.7958720950449256897e+09,NULL,'','',NULL,NULL,NULL,NULL);
INSERT INTO "operation" VALUES(42,3,'move','/music/inbox/Pack/c.txt','/music/library/Kicks/c.txt','{"source": "/music/inbox/Pack/c.txt", "target": "/music/library/Kicks/c.txt", "stamp": [7, 1400000000124456790, 2638155, 65024], "content_hash": "b2:5b255fff863a95957bca6361c45e4a65", "rule": "test"}','open','','',1,1.7958720950449256897e+09,NULL,'','',NULL,NULL,NULL,NULL);
INSERT INTO "operation" VALUES(43,3,'move','/music/inbox/Pack/d.wav','/music/library/Kicks/d.wav','{"source": "/music/inbox/Pack/d.wav", "target": "/music/library/Kicks/d.wav", "stamp": [6660, 1400000000123456789, 2638151, 65024], "content_hash": "b2:683eed59783cab560432bd00462b43d1", "rule": "test"}','open','','',1,1.7958720950449256897e+09,NULL,'','',NULL,NULL,NULL,NULL);
INSERT INTO "operation" VALUES(44,3,'remove-folder','/music/inbox/Pack/Sub',NULL,'{"path": "/music/inbox/Pack/Sub", "mode": 16877}','open','','',1,1.7958720950449256897e+09,NULL,'','',NULL,NULL,NULL,NULL);
INSERT INTO "operation" VALUES(45,3,'remove-folder','/music/inbox/Pack',NULL,'{"path": "/music/inbox/Pack", "mode": 16877}','open','','',1,1.7958720950449256897e+09,NULL,'','',NULL,NULL,NULL,NULL);
CREATE INDEX batch_of_pack ON batch (inbox, title);
CREATE INDEX batch_open ON batch (state) WHERE state = 'open';
CREATE INDEX operation_batch ON operation (batch, id);
CREATE INDEX operation_source ON operation (source);
CREATE INDEX operation_target ON operation (target) WHERE target IS NOT NULL;
CREATE INDEX hold_inode ON hold (inode, size);
CREATE INDEX hold_operation ON hold (operation);
COMMIT;
PRAGMA user_version = 1;
