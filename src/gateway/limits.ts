/** How much and how long, where no setting says it; times in milliseconds. */
export interface Limits {
  readonly bodyBytes: number;
  readonly webhookBodyBytes: number;
  /** Of all bodies that have not come whole yet, together. */
  readonly unfinishedBytes: number;
  /** Of the webhooks that wait while the store can't be reached. */
  readonly spoolBytes: number;
  readonly messageBytes: number;
  readonly operationsPerConnection: number;
  readonly initTimeoutMs: number;
  readonly pingMs: number;
  /** Bytes waiting for one connection from which its subscriptions are parked. */
  readonly highWaterMark: number;
  readonly writeDeadlineMs: number;
  /** How long a connection over HTTP may be silent while there is an answer on it that is not taken; longer than anything takes here. */
  readonly silenceMs: number;
  /** How long a WebSocket is kept that is flooded, without being read. */
  readonly tarpitMs: number;
  /** Of what waits for slow connections, all together, and as many of snapshots that are being read and written. */
  readonly backlogBytes: number;
  /** What requests that are under way have at the end, once everybody else has been sent away. */
  readonly closeGraceMs: number;
  readonly positionCheckMs: number;
  /** How often it is looked for tokens that other processes revoked. */
  readonly revocationPollMs: number;
  /** How often it is looked whether the certificate was renewed. */
  readonly certificatePollMs: number;
  /** Before a failed read of the store is tried again. */
  readonly retryMs: number;
}

export const defaultLimits: Omit<Limits, 'operationsPerConnection'> = {
  bodyBytes: 256 * 1_024,
  webhookBodyBytes: 25 * 1_024 * 1_024,
  unfinishedBytes: 256 * 1_024 * 1_024,
  spoolBytes: 1_024 * 1_024 * 1_024,
  messageBytes: 64 * 1_024,
  initTimeoutMs: 3_000,
  pingMs: 12_000,
  highWaterMark: 64 * 1_024,
  writeDeadlineMs: 30_000,
  silenceMs: 60_000,
  tarpitMs: 5_000,
  backlogBytes: 256 * 1_024 * 1_024,
  closeGraceMs: 2_000,
  positionCheckMs: 10_000,
  revocationPollMs: 1_000,
  certificatePollMs: 10_000,
  retryMs: 500,
};
