/**
 * The stack's `tcp`: listen, connect, and taking over what a snapshot has.
 */
import type { SocketHost } from "./host.js";
import { type TcpListenOptions, TcpServer } from "./tcp-server.js";
import { type TcpConnectOptions, TcpSocket } from "./tcp-socket.js";

export class Tcp {
  readonly #host: SocketHost;

  constructor(host: SocketHost) {
    this.#host = host;
  }

  /** A listener at a local address and port. @throws (by rejection) as TcpServer.listen */
  async listen(options?: TcpListenOptions): Promise<TcpServer> {
    return TcpServer.listen(this.#host, options);
  }

  /** A connection to a peer, once it is established. @throws (by rejection) as TcpSocket.connect */
  connect(options: TcpConnectOptions): Promise<TcpSocket> {
    return TcpSocket.connect(this.#host, options);
  }

  /** Takes over a connection which the stack has from a snapshot, by its handle. @throws StackError EBADF, EINVAL, EEXIST */
  adopt(handle: number): TcpSocket {
    return TcpSocket.adopt(this.#host, handle);
  }

  /** Takes over a listener. @throws StackError EBADF, EINVAL, EEXIST */
  adoptServer(handle: number): TcpServer {
    return TcpServer.adopt(this.#host, handle);
  }
}
