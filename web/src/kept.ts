// What this tab keeps of its sessions: tokens and settings in the tab's storage, the bytes of a worker's session in the
// browser's database.

const DAY = 86_400_000;

function read(key: string): string | null {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return null; // storage is forbidden: nothing is kept
  }
}

function write(key: string, value: string | null): void {
  try {
    if (value === null) sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, value);
  } catch {
    // storage is full or forbidden: nothing is kept
  }
}

/** The sessions of this tab, by page. */
export const tab = {
  /** The token of the session that this tab left with these settings, if any. */
  session(page: string, settings: string): string | null {
    return settings === "" || read(`${page}.settings`) === settings ? read(`${page}.session`) : null;
  },
  /** The token of a session; a new one where there is none. */
  token(page: string): string {
    const token = read(`${page}.session`) ?? crypto.getRandomValues(new Uint32Array(4)).join("-");
    write(`${page}.session`, token);
    return token;
  },
  keep(page: string, token: string): void {
    write(`${page}.session`, token);
  },
  /** Notes the settings that a session has now. */
  now(page: string, settings: string): void {
    write(`${page}.settings`, settings);
  },
  /** Notes whether all of a session is kept. */
  isKept(page: string, kept: boolean): void {
    write(`${page}.kept`, kept ? "yes" : "no");
  },
  forget(page: string): void {
    write(`${page}.session`, null);
  },
};

// A tab that was duplicated has its sibling's tokens: who comes second begins anew.
export async function alone(): Promise<void> {
  if (!("locks" in navigator)) return;
  const name = `gradus-${tab.token("tab")}`;
  const isFirst = await new Promise<boolean>((tell) => {
    void navigator.locks.request(name, { ifAvailable: true }, (lock) => {
      tell(lock !== null);
      return lock === null ? undefined : new Promise(() => {});
    });
  });
  if (isFirst) return;
  try {
    sessionStorage.clear();
  } catch {
    return;
  }
  await alone();
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("the browser's database does not answer"));
  });
}

async function store(mode: IDBTransactionMode): Promise<IDBObjectStore> {
  const opening = indexedDB.open("gradus-lab", 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore("sessions");
  const database = await done(opening);
  const transaction = database.transaction("sessions", mode);
  transaction.oncomplete = () => database.close();
  return transaction.objectStore("sessions");
}

interface Kept {
  at: number;
  bytes: Uint8Array<ArrayBuffer>;
}

/** Keeps the bytes of a session; without a database they are not kept. */
export async function keep(token: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  try {
    await done((await store("readwrite")).put({ at: Date.now(), bytes } satisfies Kept, token));
  } catch {
    // a full or forbidden database: a reload begins anew
  }
}

/** The bytes of a session, if they are kept. What is older than a day goes. */
export async function kept(token: string): Promise<Uint8Array<ArrayBuffer> | null> {
  try {
    const sessions = await store("readwrite");
    const found = (await done(sessions.get(token))) as Kept | undefined;
    const old = sessions.openCursor();
    old.onsuccess = () => {
      const cursor = old.result;
      if (!cursor) return;
      if (Date.now() - (cursor.value as Kept).at > DAY) cursor.delete();
      cursor.continue();
    };
    return found?.bytes ?? null;
  } catch {
    return null;
  }
}
