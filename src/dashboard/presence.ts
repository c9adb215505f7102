import { pause, Refusal, type Connection } from './connection.ts';
import {
  EnterRoomDocument,
  LeaveRoomDocument,
  RoomDocument,
  type RoomSubscription,
} from './generated/operations.ts';

export type Member = RoomSubscription['presence'];

/** Who is in the one room that is looked at, and whether the viewer is there too. */
export class Presence {
  readonly #connection: Connection;
  readonly #onChange: () => void;
  readonly #members = new Map<string, Member>();
  #room: string | null = null;
  #isEntered = false;

  constructor(connection: Connection, onChange: () => void) {
    this.#connection = connection;
    this.#onChange = onChange;
  }

  get members(): readonly Member[] {
    return [...this.#members.values()];
  }

  get isEntered(): boolean {
    return this.#isEntered;
  }

  /** Looks at who is in a room until the returned function is called. */
  watch(room: string): () => void {
    let isOver = false;
    let stop = (): void => undefined;
    const follow = async (): Promise<void> => {
      for (let tries = 0; !isOver; tries++) {
        this.#members.clear();
        this.#onChange();
        const listening = this.#connection.listen(RoomDocument, { room }, ({ presence }, isAnew) => {
          if (isAnew) this.#members.clear();
          this.#put(presence);
        });
        ({ stop } = listening);
        try {
          await listening.ended;
        } catch (error) {
          // A room that may not be looked into stays empty. Whoever signs in anew watches anew.
          if (error instanceof Refusal && error.code === 'FORBIDDEN') return;
          if (this.#connection.link.state === 'refused') return;
        }
        if (!isOver) await pause(tries);
      }
    };
    this.#room = room;
    void follow();
    return () => {
      isOver = true;
      if (this.#isEntered) void this.leave();
      this.#room = null;
      stop();
    };
  }

  /** A connection has begun: who is there is read anew, and whoever was there because of the last one is not any more. */
  connected(): void {
    this.#members.clear();
    if (this.#isEntered) void this.enter();
  }

  async enter(): Promise<void> {
    if (this.#room === null) return;
    this.#turn(true);
    await this.#connection.ask(EnterRoomDocument, { room: this.#room }).catch(() => this.#turn(false));
  }

  async leave(): Promise<void> {
    if (this.#room === null) return;
    this.#turn(false);
    await this.#connection.ask(LeaveRoomDocument, { room: this.#room }).catch(() => undefined);
  }

  #put(member: Member): void {
    if (member.status === 'OFFLINE') this.#members.delete(member.userId);
    else this.#members.set(member.userId, member);
    this.#onChange();
  }

  #turn(isEntered: boolean): void {
    this.#isEntered = isEntered;
    this.#onChange();
  }
}
