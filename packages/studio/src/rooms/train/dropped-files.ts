// Files that a reader drops in or chooses, with the folders that they lie in.

/** A file with its path inside of what was dropped, such as `digits/3/a.png`. */
export interface DroppedFile {
  readonly path: string;
  readonly file: File;
}

/** The files of a drop, also those in dropped folders. It must be called while the event is handled. */
export async function filesOfDrop({ items, files }: DataTransfer): Promise<DroppedFile[]> {
  const entries = [...items].flatMap((item) => item.webkitGetAsEntry() ?? []);
  const plain = filesOfInput(files);
  if (entries.length === 0) return plain;
  return (await Promise.all(entries.map(filesBelow))).flat();
}

/** The files that an input holds. */
export function filesOfInput(files: FileList | null): DroppedFile[] {
  return [...(files ?? [])].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
}

async function filesBelow(entry: FileSystemEntry): Promise<DroppedFile[]> {
  if (isFile(entry)) {
    const file = await new Promise<File>((resolve, reject) => {
      entry.file(resolve, reject);
    });
    return [{ path: entry.fullPath.replace(/^\//, ''), file }];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const found: DroppedFile[] = [];
  for (;;) {
    // A reader gives some entries at a time, and none at the end.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => {
      reader.readEntries(resolve, reject);
    });
    if (some.length === 0) return found;
    found.push(...(await Promise.all(some.map(filesBelow))).flat());
  }
}

function isFile(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile;
}
