"""PipeSize=, MessageQueueMaxMessages=, MessageQueueMessageSize=: what is made, what the kernel refuses, what is there already."""
# socket-unit #99
PIPES = {"default": "", "one": "PipeSize=1", "page": "PipeSize=4K", "odd": "PipeSize=5000", "large": "PipeSize=1M", "more": "PipeSize=2M", "zero": "PipeSize=0"}
QUEUES = {"none": "", "messages": "MessageQueueMaxMessages=3", "size": "MessageQueueMessageSize=99", "both": "MessageQueueMaxMessages=3\nMessageQueueMessageSize=99", "zero": "MessageQueueMaxMessages=0\nMessageQueueMessageSize=99", "minus": "MessageQueueMaxMessages=-1\nMessageQueueMessageSize=-1", "much": "MessageQueueMaxMessages=1000000\nMessageQueueMessageSize=99"}


def setup(t):
    for n, line in PIPES.items():
        t.unit(f"p-{n}.socket", f"[Socket]\nListenFIFO=/run/p/{n}\nListenFIFO=/run/p/{n}.b\n{line}\n")
        t.unit(f"p-{n}.service", "[Service]\nExecStart=/bin/sleep 1h\n")
    for n, line in QUEUES.items():
        t.unit(f"q-{n}.socket", f"[Socket]\nListenMessageQueue=/q-{n}\nRemoveOnStop=yes\n{line}\n")
        t.unit(f"q-{n}.service", f"[Service]\nExecStart=/run/oracle/probe -n q-{n} dump serve-n 1\n")


def run(t):
    for n in PIPES:
        t.rec("pipe " + n, [t.start(f"p-{n}.socket"), t.state(f"p-{n}.socket"), t.held(f"/run/p/{n}", f"/run/p/{n}.b")])
    for n in QUEUES:
        u = f"q-{n}.socket"
        t.rec("queue " + n, [t.start(u), t.state(u), t.mq_node(f"/q-{n}")])
        if t.mq_node(f"/q-{n}"):
            t.rec("queue " + n + " message", [t.mq_send(f"/q-{n}", "m" * 90), t.wait_log(1, f"q-{n}"), t.dump(f"q-{n}", sections=["fds"])])
        t.rec("queue " + n + " stop", [t.stop(u), t.mq_node(f"/q-{n}")])
