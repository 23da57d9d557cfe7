"""A mail server that keeps nothing: it says on stdout where it listens, then prints each mail as a line of JSON.

Recipients choose its answer: refused@ is refused for good, busy@ for now, later@ for now the first time, hang@ gets none;
anybody else's mail is taken, that of mute@ and deaf@ without an answer: mute@ is hung up on, deaf@ waits for ever.
"""

import asyncio
import email
import email.policy
import json
import sys

from aiosmtpd.smtp import SMTP


def text(content):
    """Bytes as text, each of them a character."""
    return content if isinstance(content, str) else content.decode("latin-1")


class Sink:
    def __init__(self):
        self.put_off = set()

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("refused@"):
            return "550 5.1.1 no such mailbox"
        if address.startswith("busy@") or address.startswith("later@") and address not in self.put_off:
            self.put_off.add(address)
            return "451 4.3.2 try again later"
        if address.startswith("hang@"):
            await asyncio.Event().wait()
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        leaves = [part for part in message.walk() if not part.is_multipart()]
        parts = {part.get_content_type(): text(part.get_content()) for part in leaves}
        mail = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "headers": [[name, str(value)] for name, value in message.items()],
            "parts": parts,
        }
        print(json.dumps(mail), flush=True)
        if envelope.rcpt_tos[0].startswith("mute@"):
            server.transport.abort()
        if envelope.rcpt_tos[0].startswith(("mute@", "deaf@")):
            await asyncio.Event().wait()
        return "250 OK"


async def main():
    loop = asyncio.get_running_loop()
    sink = Sink()
    server = await loop.create_server(lambda: SMTP(sink, hostname="sink.example"), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    # ends with whoever started it
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main())
