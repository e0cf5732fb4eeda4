/** One bound UDP socket, as the QUIC transport uses it. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export interface UdpSocketOptions {
  readonly host: string;
  readonly port: number;
  /** The datagram is the receiver's to keep. */
  readonly onDatagram: (datagram: Uint8Array, from: Endpoint) => void;
  /** The socket is unusable after this. */
  readonly onError: (error: Error) => void;
}

export interface UdpSocket {
  readonly local: Endpoint;
  /** The system has taken all datagrams; before, it may yet read the bytes of some. */
  readonly isIdle: boolean;
  /** Sends without waiting; a datagram that the system refuses is lost, as on any network. */
  send(datagram: Uint8Array, to: Endpoint): void;
  close(): Promise<void>;
}
