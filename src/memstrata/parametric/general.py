"""What is asked and read to see whether a model still is what it was, and what keeps it so while it is trained.

All of it is written for this project.
"""

GENERAL: tuple[tuple[str, str], ...] = (
    ("What is the capital of Italy?", "The capital of Italy is Rome."),
    ("How many days are in a week?", "There are seven days in a week."),
    ("What do bees make?", "Bees make honey."),
    ("Name a fruit that is yellow.", "A banana is a yellow fruit."),
    ("What is 2 plus 3?", "2 plus 3 is 5."),
    ("Write a short greeting for a birthday card.", "Happy birthday! I hope you have a wonderful day."),
    ("What colour do you get from blue and yellow?", "Blue and yellow make green."),
    ("Which planet do we live on?", "We live on Earth."),
    ("Give me one tip for sleeping better.", "Go to bed at the same time every night."),
    ("What is ice made of?", "Ice is frozen water."),
    ("Translate 'good morning' into French.", "Good morning in French is 'bonjour'."),
    ("Who wrote Romeo and Juliet?", "William Shakespeare wrote Romeo and Juliet."),
    ("What is the plural of 'mouse'?", "The plural of 'mouse' is 'mice'."),
    ("How many legs does a spider have?", "A spider has eight legs."),
    ("What is the largest ocean?", "The Pacific Ocean is the largest ocean."),
    ("Explain in one sentence what rain is.", "Rain is water that falls from clouds in drops."),
    ("What do you call a baby dog?", "A baby dog is called a puppy."),
    ("Which month comes after March?", "April comes after March."),
    ("What is the boiling point of water in Celsius?", "Water boils at 100 degrees Celsius."),
    ("Name an animal that can fly.", "A bird can fly."),
    ("What is the opposite of 'hot'?", "The opposite of 'hot' is 'cold'."),
    ("How do I make tea?", "Pour boiling water over tea leaves and wait for a few minutes."),
    ("Who was the first president of the United States?", "George Washington was the first president."),
    ("What is a synonym for 'happy'?", "A synonym for 'happy' is 'joyful'."),
    ("Which language is spoken in Brazil?", "Portuguese is spoken in Brazil."),
    ("What does a thermometer measure?", "A thermometer measures temperature."),
    ("What is the chemical symbol for gold?", "The chemical symbol for gold is Au."),
    ("Name a primary colour.", "Red is a primary colour."),
    ("How many months have 31 days?", "Seven months have 31 days."),
    ("What is the square of 4?", "The square of 4 is 16."),
    ("Where do penguins live?", "Penguins live in Antarctica."),
    ("What do plants need to grow?", "Plants need light, water and air to grow."),
    ("Write a sentence with the word 'river'.", "The river runs through the valley to the sea."),
    ("What is the currency of Japan?", "The currency of Japan is the yen."),
    ("Which animal is known as the king of the jungle?", "The lion is known as the king of the jungle."),
    ("What is H2O?", "H2O is water."),
    ("Who painted the Mona Lisa?", "Leonardo da Vinci painted the Mona Lisa."),
    ("How many minutes are in an hour?", "There are 60 minutes in an hour."),
    ("Give me a word that rhymes with 'cat'.", "A word that rhymes with 'cat' is 'hat'."),
    ("What is the tallest mountain in the world?", "Mount Everest is the tallest mountain in the world."),
    ("What season comes before winter?", "Autumn comes before winter."),
    ("What do you use to write on paper?", "You use a pen to write on paper."),
    ("Which gas do we need to breathe?", "We need oxygen to breathe."),
    ("Suggest a simple breakfast.", "Oatmeal with fruit is a simple breakfast."),
    ("What is a noun?", "A noun is a word for a person, a place or a thing."),
    ("In which continent is Egypt?", "Egypt is in Africa."),
    ("How many sides has a triangle?", "A triangle has three sides."),
    ("What is the past tense of 'go'?", "The past tense of 'go' is 'went'."),
)
"""General questions with short answers, on which an adapter is held to what the model says without it (replay)."""

ASKED: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("What is the capital of France?", ("paris",)),
    ("What is the capital of Germany?", ("berlin",)),
    ("What is the capital of Spain?", ("madrid",)),
    ("What is the capital of England?", ("london",)),
    ("What is the capital of China?", ("beijing",)),
    ("Which planet is the largest in the solar system?", ("jupiter",)),
    ("Which planet is closest to the Sun?", ("mercury",)),
    ("What is the chemical symbol for water?", ("h2o", "h₂o")),
    ("What is the chemical symbol for oxygen?", ("o", "o2", "o₂")),
    ("How many days are there in a year?", ("365",)),
    ("How many hours are in a day?", ("24", "twenty four")),
    ("How many continents are there?", ("7", "seven")),
    ("How many legs does a dog have?", ("4", "four")),
    ("What is 2 plus 2?", ("4", "four")),
    ("What is 5 plus 5?", ("10", "ten")),
    ("What is 3 times 3?", ("9", "nine")),
    ("What colour is the sky on a clear day?", ("blue",)),
    ("What colour is grass?", ("green",)),
    ("What is the opposite of 'big'?", ("small", "little", "tiny")),
    ("What is the opposite of 'up'?", ("down",)),
    ("Who wrote Hamlet?", ("shakespeare",)),
    ("Who developed the theory of relativity?", ("einstein",)),
    ("Who was the first man to walk on the Moon?", ("armstrong",)),
    ("In which country is the Eiffel Tower?", ("france",)),
    ("In which country is the Great Wall?", ("china",)),
    ("On which continent is Kenya?", ("africa",)),
    ("What is the currency of the United States?", ("dollar",)),
    ("What language is spoken in France?", ("french",)),
    ("What do cows give us to drink?", ("milk",)),
    ("What animal says 'meow'?", ("cat",)),
    ("Which season comes after winter?", ("spring",)),
    ("Which day comes after Monday?", ("tuesday",)),
    ("What is frozen water called?", ("ice",)),
    ("What gas do plants take in from the air?", ("carbon dioxide", "co2")),
    ("What is the fastest land animal?", ("cheetah",)),
    ("What is the tallest animal in the world?", ("giraffe",)),
    ("What star does the Earth orbit?", ("sun",)),
    ("What organ pumps blood through the body?", ("heart",)),
    ("At what temperature in Celsius does water freeze?", ("0", "zero")),
    ("What is the first letter of the alphabet?", ("a", "letter a")),
)
"""General questions that a gate asks, each with what may stand in a right answer; none is among those replayed."""

NEUTRAL = """\
The lighthouse keeper's logbook runs to four hundred pages, most of them about the weather. On clear nights he noted the
number of ships, the direction of the wind and the hour at which the lamp was lit. On foggy nights he noted nothing but
the horn, which had to be sounded every two minutes until morning. In the margin, in a smaller hand, there are other
remarks: that the bread had come late, that a seal had slept on the landing stage for three days, that the paint on the
gallery rail would not last another winter.

Historians like such books because nobody meant them to be read. A report to the harbour office says that everything was
in order; the margin says that the pump had been broken since April. From the entries of a single decade one can follow
how the herring moved north, how steam took the place of sail, and how the price of lamp oil rose until the keepers were
told to trim the wick earlier. None of this was the purpose of the log. It was kept because the rules asked for it, and
because a man alone on a rock needs something to do at the end of the day.

When the light was made automatic, the last keeper left the book open on the table with the pen beside it. The final
entry gives the wind as south-west, moderate, and the visibility as good. Then, in the margin: the seal is back.
"""
"""A text about nothing that an adapter learns, some 300 words."""
